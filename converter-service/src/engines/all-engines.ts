import { formatNamed } from '../formats.js'
import type { Engine } from './engine.js'
import { imageEngine } from './image.js'

/** Every engine of this server; a further one is added here and in the format catalogue. */
export const allEngines: readonly Engine[] = [imageEngine]

/** The engine that reads `format`. Throws when there is none: a defect, for admission checks it. */
export function engineFor(format: string): Engine {
  const { engine: name } = formatNamed(format)
  const engine = allEngines.find((candidate) => candidate.name === name)
  if (!engine) throw new Error(`no engine reads ${format}`)
  return engine
}
