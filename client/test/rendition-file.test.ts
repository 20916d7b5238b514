import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { saveRendition } from '../src/rendition-file.js'

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'herald-rendition-file-'))
})
afterAll(() => rm(folder, { recursive: true }))

test('missing folders are created', async () => {
  const directory = join(folder, 'a/b/c')
  await (await saveRendition(directory)).discard()
  expect(await readdir(directory)).toEqual([])
  await (await saveRendition(directory)).discard()
})

test('a folder that refuses entries is an error, not an endless wait', async () => {
  await expect(saveRendition('/proc/herald/web')).rejects.toMatchObject({
    code: 'HERALD_CANNOT_WRITE',
  })
})

test('a file in place of a folder is an error', async () => {
  await writeFile(join(folder, 'file'), '')
  for (const directory of ['file', 'file/below']) {
    await expect(saveRendition(join(folder, directory))).rejects.toMatchObject({
      code: 'HERALD_CANNOT_WRITE',
    })
  }
})
