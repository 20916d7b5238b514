import { mkdirSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createFolder, createFolderSync } from '@herald/runtime/create-folder'
import { expect, test } from 'vitest'
import { openBlobStore } from '#src/blobs/index'
import { openStore } from '#src/store/store'
import { scratchFolder } from './scratch-folder.js'

test('missing folders are created, by several at once', async () => {
  const folder = scratchFolder()
  for (let round = 0; round < 20; round += 1) {
    const path = join(folder, `${round}/a/b/c`)
    await Promise.all(Array.from({ length: 8 }, () => createFolder(path, 0o700)))
    expect(statSync(path).mode & 0o777).toBe(0o700)
    createFolderSync(path)
    createFolderSync(join(path, 'd/e'))
    expect(statSync(join(path, 'd/e')).isDirectory()).toBe(true)
  }
})

test('a link to a folder is taken for that folder', async () => {
  const folder = scratchFolder()
  mkdirSync(join(folder, 'real'))
  symlinkSync('real', join(folder, 'link'))
  createFolderSync(join(folder, 'link'))
  await createFolder(join(folder, 'link/a'))
  expect(statSync(join(folder, 'real/a')).isDirectory()).toBe(true)
})

test('a file in place of a folder is an error', async () => {
  const folder = scratchFolder()
  writeFileSync(join(folder, 'file'), '')
  for (const [path, code] of [
    [join(folder, 'file'), 'EEXIST'],
    [join(folder, 'file/below'), 'ENOTDIR'],
  ] as const) {
    await expect(createFolder(path)).rejects.toMatchObject({ code })
    expect(() => createFolderSync(path)).toThrow(expect.objectContaining({ code }))
  }
})

// Node's mkdir with `recursive` never returns there.
test.runIf(process.platform === 'linux')(
  'a folder that takes no folders is named, in place of an endless wait',
  async () => {
    const message = 'no folder can be created in /proc; choose another one'
    await expect(createFolder('/proc/herald')).rejects.toThrow(message)
    await expect(createFolder('/proc/herald/a/b')).rejects.toThrow(message)
    expect(() => createFolderSync('/proc/herald/a/b')).toThrow(message)
    expect(() => openStore('/proc/herald/outbox')).toThrow(
      `The store in /proc/herald/outbox cannot be opened: ${message}.`,
    )
    await expect(openBlobStore('file:///proc/herald')).rejects.toMatchObject({
      name: 'BlobError',
      message: `file:///proc/herald: ${message}.`,
    })
  },
)
