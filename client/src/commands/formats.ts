import type { ReceivedFormat, ReceivedListFormatsResponse } from '@herald/proto/converter'
import { table } from '@herald/runtime/table'
import {
  columns,
  humanBytes,
  humanDuration,
  jsonLine,
  padded,
  shown,
  wrapped,
} from '@herald/runtime/terminal-text'
import { withOutbox } from '../announcer.js'
import type { CommandContext } from '../command-context.js'
import { loadConfig } from '../config.js'
import { openConverter } from '../converter-client.js'

/** Prints what the converter can do; resolves to the exit status. */
export async function formatsCommand(
  options: { json?: boolean },
  { env, terminal }: CommandContext,
): Promise<number> {
  const config = loadConfig(env)
  const converter = openConverter(config.converter)
  try {
    const response = await converter.formats()
    const lines = options.json
      ? [jsonLine(jsonOf(response))]
      : tableOf(response, terminal.width('stdout') ?? 100)
    for (const line of lines) terminal.print(line)
  } finally {
    converter.close()
  }
  await withOutbox(config, (kept) => kept.catchUp())
  return 0
}

function jsonOf(response: ReceivedListFormatsResponse) {
  const { formats, limits, versions, engines, missingConfinement } = response
  return {
    formats: formats.map(jsonFormat),
    limits,
    versions,
    engines: engines.map(({ name, available, unavailableReason }) => ({
      name,
      available,
      unavailableReason: unavailableReason === '' ? null : unavailableReason,
    })),
    missingConfinement,
  }
}

function jsonFormat(format: ReceivedFormat) {
  return {
    name: format.name,
    mediaType: format.mediaType,
    extensions: format.extensions,
    readable: format.readable,
    writable: format.writable,
    lossless: format.lossless,
    multiPage: format.multiPage,
    defaultQuality: format.defaultQuality ?? null,
    engine: format.engine,
    unavailableReason: format.unavailableReason === '' ? null : format.unavailableReason,
  }
}

function tableOf(
  { formats, limits, engines, missingConfinement }: ReceivedListFormatsResponse,
  width: number,
): string[] {
  const yes = (is: boolean) => (is ? 'yes' : '–')
  const here = formats.filter(({ readable, writable }) => readable || writable)
  const rows = here.map((format) => [
    shown(format.name),
    yes(format.readable),
    yes(format.writable),
    yes(format.lossless),
    yes(format.multiPage),
    format.defaultQuality === undefined ? '–' : String(format.defaultQuality),
    shown(format.extensions.map((extension) => `.${extension}`).join(' ')),
  ])
  return [
    ...table([['format', 'read', 'write', 'lossless', 'pages', 'quality', 'files'], ...rows]),
    ...missing(
      'Formats that it knows and cannot use:',
      formats.filter((format) => !here.includes(format)),
      width,
    ),
    ...(engines.some(({ available }) => available)
      ? [
          '',
          `Engines: ${engines.flatMap((each) => (each.available ? shown(each.name) : [])).join(', ')}.`,
        ]
      : []),
    ...missing(
      'Engines that are not available:',
      engines.filter(({ available }) => !available),
      width,
    ),
    ...(limits ? ['', ...wrapped(limitsSentence(limits), width)] : []),
    ...(missingConfinement.length > 0
      ? [
          '',
          ...wrapped(
            `Hostile files: this server lacks ${shown(missingConfinement.join(', '))}.`,
            width,
          ),
        ]
      : []),
  ]
}

/** Each with the reason, under a heading; nothing where there is none. */
function missing(
  heading: string,
  those: readonly { readonly name: string; readonly unavailableReason: string }[],
  width: number,
): string[] {
  if (those.length === 0) return []
  const nameWidth = Math.max(...those.map(({ name }) => columns(shown(name))))
  const lines = those.flatMap(({ name, unavailableReason }) => {
    const [first = '', ...more] = wrapped(shown(unavailableReason), width - nameWidth - 4)
    const indent = ' '.repeat(nameWidth + 4)
    return [`  ${padded(shown(name), nameWidth)}  ${first}`, ...more.map((line) => indent + line)]
  })
  return ['', heading, ...lines]
}

function limitsSentence(limits: NonNullable<ReceivedListFormatsResponse['limits']>): string {
  const optional = [
    ...(limits.memoryBytes > 0 ? [`${humanBytes(limits.memoryBytes)} of memory`] : []),
    ...(limits.maxOutputBytes > 0 ? [`${humanBytes(limits.maxOutputBytes)} of results`] : []),
  ]
  const parts = [
    humanBytes(limits.maxBytes),
    `${Math.round(limits.maxPixels / 1e6)} megapixels`,
    `${limits.maxPages} pages or frames`,
    `${humanDuration(limits.timeoutMs)} of work`,
    ...optional,
    `${limits.maxRenditions} renditions of one upload`,
  ]
  const workers = limits.workers > 0 ? ` It works on ${limits.workers} at once.` : ''
  return `At most ${parts.join(', ')}.${workers}`
}
