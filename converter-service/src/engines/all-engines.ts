import { documentEngine } from './document.js'
import type { Engine, EngineReport } from './engine.js'
import { imageEngine } from './image.js'
import { pdfEngine } from './pdf.js'

/** Every engine of this server. To add one: its file, a line here, and its formats in `formats.ts`. */
const allEngines: readonly Engine[] = [imageEngine, pdfEngine, documentEngine]

/** The engines of this process, with the result of their probes. */
export class Engines {
  readonly reports: readonly EngineReport[]

  private constructor(reports: readonly EngineReport[]) {
    this.reports = reports
  }

  static async probe(): Promise<Engines> {
    return new Engines(
      await Promise.all(
        allEngines.map(async (engine) => ({ name: engine.name, ...(await engine.probe()) })),
      ),
    )
  }

  /**
   * The engine that makes `to` of `from`; without `to`, the first that reads `from`.
   * Throws when there is none: a defect, for the upload is checked before.
   */
  for(from: string, to?: string): Engine {
    const at = this.reports.findIndex(({ makes }) =>
      to === undefined ? makes[from] !== undefined : makes[from]?.includes(to),
    )
    const engine = allEngines[at]
    if (!engine) throw new Error(`no engine reads ${from}${to ? ` and writes ${to}` : ''}`)
    return engine
  }
}
