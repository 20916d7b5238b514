import type { EngineReport } from './engines/engine.js'
import { type FormatDescription, findFormat, formatCatalogue } from './formats.js'

/** What this server can do right now, as its children reported it. */
export interface Capabilities {
  readonly readable: readonly FormatDescription[]
  readonly writable: readonly FormatDescription[]
  /** What can be made of a readable format, by its name. */
  targetsOf(format: string): readonly FormatDescription[]
  readonly engines: readonly EngineReport[]
  /** Library to version. */
  readonly versions: Readonly<Record<string, string>>
}

export function capabilitiesOf(reports: readonly EngineReport[]): Capabilities {
  const readable = new Set(reports.flatMap(({ makes }) => Object.keys(makes)))
  const writable = new Set(reports.flatMap(({ makes }) => Object.values(makes).flat()))
  return {
    readable: formatCatalogue.filter(({ name }) => readable.has(name)),
    writable: formatCatalogue.filter(({ name }) => writable.has(name)),
    targetsOf(format) {
      const names = reports.flatMap(({ makes }) => makes[format] ?? [])
      return [...new Set(names)].flatMap((name) => findFormat(name) ?? [])
    },
    engines: reports,
    versions: Object.assign({}, ...reports.map((report) => report.versions)),
  }
}

/** `jpeg, png, webp` */
export function listNames(formats: readonly FormatDescription[]): string {
  return formats.map(({ name }) => name).join(', ')
}
