import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestBroker } from './conformance/fixture.js'

/** A fresh folder. */
export async function createEmbeddedFolder(): Promise<TestBroker> {
  const directory = await mkdtemp(join(tmpdir(), 'herald-embedded-'))
  return {
    url: `embedded:${directory}`,
    storingPids: async () => [process.pid],
    dispose: () => rm(directory, { recursive: true, force: true }),
  }
}
