import type { ReceivedFormat, ReceivedListFormatsResponse } from '@herald/proto/converter'
import { table } from '@herald/runtime/table'
import { humanBytes, humanDuration, jsonLine, shown } from '@herald/runtime/terminal-text'
import { withAnnouncer } from '../announcer.js'
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
    const lines = options.json ? [jsonLine(jsonOf(response))] : tableOf(response)
    for (const line of lines) terminal.print(line)
  } finally {
    converter.close()
  }
  await withAnnouncer(config, (announcer) => announcer.catchUp())
  return 0
}

function jsonOf({ formats, limits, versions }: ReceivedListFormatsResponse) {
  return { formats: formats.map(jsonFormat), limits, versions }
}

function jsonFormat(format: ReceivedFormat) {
  return {
    name: format.name,
    mediaType: format.mediaType,
    extensions: format.extensions,
    readable: format.readable,
    writable: format.writable,
    lossless: format.lossless,
    defaultQuality: format.defaultQuality ?? null,
    engine: format.engine,
    unavailableReason: format.unavailableReason === '' ? null : format.unavailableReason,
  }
}

function tableOf({ formats, limits }: ReceivedListFormatsResponse): string[] {
  const yes = (is: boolean) => (is ? 'yes' : '–')
  const rows = formats.map((format) => [
    shown(format.name),
    yes(format.readable),
    yes(format.writable),
    yes(format.lossless),
    format.defaultQuality === undefined ? '–' : String(format.defaultQuality),
    shown(format.extensions.map((extension) => `.${extension}`).join(' ')),
    shown(format.unavailableReason),
  ])
  const lines = table([['format', 'read', 'write', 'lossless', 'quality', 'files', ''], ...rows])
  if (limits) {
    lines.push(
      '',
      `At most ${humanBytes(limits.maxBytes)}, ${Math.round(limits.maxPixels / 1e6)} megapixels, ` +
        `${limits.maxPages} pages or frames, ${humanDuration(limits.timeoutMs)} of work, ` +
        `${limits.maxRenditions} renditions of one upload.`,
    )
  }
  return lines
}
