import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Place } from './conformance/bench.js'

/** A fresh folder. */
export async function makeEmbeddedPlace(): Promise<Place> {
  const directory = await mkdtemp(join(tmpdir(), 'herald-embedded-'))
  return {
    url: `embedded:${directory}`,
    dispose: () => rm(directory, { recursive: true, force: true }),
  }
}
