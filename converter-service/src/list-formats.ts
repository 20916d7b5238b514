import type { Format, ListFormatsResponse } from '@herald/proto/converter'
import { appliesTo } from '@herald/proto/rendition-options'
import type { Capabilities } from './capabilities.js'
import { formatCatalogue, unavailableFormats } from './formats.js'
import { type Limits, maxRenditions } from './limits.js'

/** What this server can do now: every format of the catalogue, and why others are missing. */
export function listFormats(
  capabilities: Capabilities,
  limits: Limits & { readonly workers: number },
  missingConfinement: readonly string[],
): ListFormatsResponse {
  const known = formatCatalogue.map((format): Format => {
    const readable = capabilities.readable.includes(format)
    const writable = capabilities.writable.includes(format)
    const { name, mediaType, extensions, engine, defaultQuality } = format
    return {
      name,
      mediaType,
      extensions: [...extensions],
      readable,
      writable,
      lossless: writable && appliesTo('lossless', name),
      ...(writable && defaultQuality !== undefined ? { defaultQuality } : {}),
      engine,
      multiPage: format.animates || format.paged,
      unavailableReason:
        readable || writable
          ? ''
          : (capabilities.engines.find((report) => report.name === engine)?.unavailable ??
            'This server has no engine for it.'),
    }
  })
  const missing = unavailableFormats.map(
    ({ name, mediaType, extensions, reason }): Format => ({
      name,
      mediaType,
      extensions: [...extensions],
      unavailableReason: reason,
    }),
  )
  return {
    formats: [...known, ...missing],
    limits: { ...limits, maxRenditions },
    versions: capabilities.versions,
    engines: capabilities.engines.map(({ name, unavailable }) => ({
      name,
      available: unavailable === undefined,
      unavailableReason: unavailable ?? '',
    })),
    missingConfinement: [...missingConfinement],
  }
}
