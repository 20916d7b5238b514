import type { ReceivedFormat, ReceivedListFormatsResponse } from '@herald/proto/converter'
import {
  columns,
  escapeControls,
  humanBytes,
  humanDuration,
  jsonLine,
  table,
  wrapped,
} from '@herald/runtime/terminal-text'
import { withOutbox } from '../announcer.js'
import type { CommandContext } from '../command-context.js'
import { loadConfig } from '../config.js'
import { openConverter } from '../converter-client.js'

/** Prints what the converter can read and write; resolves to the exit status. */
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
  const usable = formats.filter(({ readable, writable }) => readable || writable)
  const paragraphs = [
    ...reasons([...formats.filter((each) => !usable.includes(each)), ...engines]),
    ...(engines.some(({ available }) => available)
      ? [`Engines: ${names(engines.filter(({ available }) => available))}.`]
      : []),
    ...(limits ? [limitsSentence(limits)] : []),
    ...(missingConfinement.length > 0
      ? [
          `Missing protection against hostile files: ${escapeControls(missingConfinement.join(', '))}.`,
        ]
      : []),
  ]
  return [
    ...formatRows(usable, width),
    ...paragraphs.flatMap((paragraph) => ['', ...wrapped(paragraph, width)]),
  ]
}

/** As many columns as fit the width, the most important first. */
function formatRows(formats: readonly ReceivedFormat[], width: number): string[] {
  const yes = (is: boolean) => (is ? 'yes' : '–')
  const rows = formats.map((format) => [
    escapeControls(format.name),
    yes(format.readable),
    yes(format.writable),
    yes(format.lossless),
    yes(format.multiPage),
    format.defaultQuality === undefined ? '–' : String(format.defaultQuality),
    escapeControls(format.extensions.map((extension) => `.${extension}`).join(' ')),
  ])
  const all = [['format', 'read', 'write', 'lossless', 'pages', 'quality', 'files'], ...rows]
  for (let count = 7; count > 3; count -= 1) {
    const lines = table(all.map((row) => row.slice(0, count)))
    if (lines.every((line) => columns(line) <= width)) return lines
  }
  return table(all.map((row) => row.slice(0, 3)))
}

/** What is not available: each reason once, with all names it applies to. */
function reasons(
  those: readonly { readonly name: string; readonly unavailableReason: string }[],
): string[] {
  const byReason = new Map<string, { readonly name: string }[]>()
  for (const each of those) {
    if (each.unavailableReason === '') continue
    byReason.set(each.unavailableReason, [...(byReason.get(each.unavailableReason) ?? []), each])
  }
  return [...byReason].map(
    ([reason, each]) => `Not available: ${names(each)}. ${escapeControls(reason)}`,
  )
}

const names = (those: readonly { readonly name: string }[]) =>
  escapeControls([...new Set(those.map(({ name }) => name))].join(', '))

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
