import type { EngineReport } from './engines/engine.js'
import { type FormatDescription, formatCatalogue } from './formats.js'

/** What this server can do right now, as its children reported it. */
export interface Abilities {
  readonly readable: readonly FormatDescription[]
  readonly writable: readonly FormatDescription[]
  /** Library to version. */
  readonly versions: Readonly<Record<string, string>>
}

export function abilitiesOf(reports: readonly EngineReport[]): Abilities {
  const readable = new Set(reports.flatMap((report) => report.readable))
  const writable = new Set(reports.flatMap((report) => report.writable))
  return {
    readable: formatCatalogue.filter(({ name }) => readable.has(name)),
    writable: formatCatalogue.filter(({ name }) => writable.has(name)),
    versions: Object.assign({}, ...reports.map((report) => report.versions)),
  }
}

/** `jpeg, png, webp` */
export function listNames(formats: readonly FormatDescription[]): string {
  return formats.map(({ name }) => name).join(', ')
}
