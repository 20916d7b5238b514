import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { silentLogger } from '@herald/runtime/logger'
import { expect, test } from 'vitest'
import { capabilitiesOf } from '#src/capabilities'
import type { Child } from '#src/children/child'
import type { Task } from '#src/children/messages'
import type { Pool } from '#src/children/pool'
import { TaskGroup } from '#src/children/task-group'
import { convertFile } from '#src/conversion'
import { twoHalves } from './pictures.js'
import { plainPlan } from './plain-plan.js'

// The error of the first rendition would be the generic one that the second one's defect caused, and
// the defect would never be logged.
test('if a later rendition fails first, the conversion fails with its error', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'herald-failed-'))
  const defect = new Error('a defect of the engine')
  const child = () => {
    let stop = (_error: Error) => {}
    const run = async (task: Task) => {
      if (task.kind === 'inspect') {
        return { result: { width: 8, height: 4, pages: 1, holds: [] }, usage }
      }
      if (task.kind === 'convert' && task.plan.index === 1) throw defect
      return new Promise((_resolve, reject) => {
        stop = reject
      })
    }
    const usage = { cpuMs: 0, peakBytes: 0 }
    return { run, usage, kill: () => stop(new Error('killed')) } as unknown as Child
  }
  const maximum = Number.MAX_SAFE_INTEGER
  const budget = {
    timeoutMs: 60_000,
    cpuMs: maximum,
    memoryBytes: maximum,
    maxOutputBytes: maximum,
  }
  const pool = {
    openTasks: () => new TaskGroup({ budget, enqueue: (queued) => void queued.start(child(), 1) }),
  } as unknown as Pool
  const output = { sendProgress() {}, deliver: async () => {} }
  const makes = { png: ['png', 'webp'] }
  const capabilities = capabilitiesOf([{ name: 'image', makes, versions: {} }])
  async function* chunks() {
    yield await twoHalves(8, 4).png().toBuffer()
  }
  const plan = {
    conversionId: '',
    fileName: 'a.png',
    sizeBytes: undefined,
    renditions: [plainPlan('png'), plainPlan('webp', { index: 1 })],
    trackedChanges: false,
  }
  try {
    const converting = convertFile(plan, chunks(), {
      ...{ pool, output, capabilities, children: 2, logger: silentLogger },
      folder: { path: (name) => join(folder, name), remove: async () => {} },
      slot: { startWork: async () => {}, endWork() {} },
      signal: new AbortController().signal,
      limits: { ...budget, maxBytes: 1e6, maxPixels: 1e6, maxPages: 10 },
    })
    await expect(converting).rejects.toBe(defect)
  } finally {
    await rm(folder, { recursive: true })
  }
})
