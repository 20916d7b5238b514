import { mkdtempSync, rmSync } from 'node:fs'
import { open } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { inspectInput } from '../src/input-file.js'

let folder: string

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'herald-chunks-'))
})

afterAll(() => {
  rmSync(folder, { recursive: true })
})

// A server holds a chunk or two of each upload: a hundred large ones took 80 MB more in 256 KiB each.
test.each([
  { sizeBytes: 4 * 1024 ** 2, chunkBytes: 256 * 1024 },
  { sizeBytes: 4 * 1024 ** 2 + 1, chunkBytes: 64 * 1024 },
])(
  'a file of $sizeBytes bytes goes in chunks of $chunkBytes',
  async ({ sizeBytes, chunkBytes }) => {
    const path = join(folder, 'file')
    const file = await open(path, 'w')
    await file.truncate(sizeBytes)
    await file.close()
    let longest = 0
    let sum = 0
    for await (const chunk of (await inspectInput(path)).open()) {
      longest = Math.max(longest, chunk.length)
      sum += chunk.length
    }
    expect(longest).toBe(chunkBytes)
    expect(sum).toBe(sizeBytes)
  },
)
