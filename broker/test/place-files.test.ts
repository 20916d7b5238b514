import { readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test, vi } from 'vitest'
import { placeFiles } from '#src/outbox/place-files'
import { makeFolders } from './outbox-folder.js'

// A file system without hard links is not available everywhere: link(2) fails here as on FAT.
vi.mock('node:fs/promises', async (original) => ({
  ...(await original<typeof import('node:fs/promises')>()),
  link: vi.fn(async () => {
    throw Object.assign(new Error('EPERM: operation not permitted, link'), { code: 'EPERM' })
  }),
}))

test('without hard links files are renamed, and still replace nothing', async () => {
  const { link } = await import('node:fs/promises')
  const folders = await makeFolders()
  const files = [await folders.temporaryFile('a'), await folders.temporaryFile('b')]
  await placeFiles(files, false)
  expect(link).toHaveBeenCalledTimes(2)
  expect((await readdir(folders.files)).sort()).toEqual(['a', 'b'])
  await placeFiles(files, false)

  const [free, taken] = [await folders.temporaryFile('c'), await folders.temporaryFile('d')]
  await writeFile(taken.finalPath, 'existing content')
  await expect(placeFiles([free, taken], false)).rejects.toMatchObject({
    code: 'HERALD_FILE_EXISTS',
  })
  expect(await readFile(taken.finalPath, 'utf8')).toBe('existing content')
  expect(await readdir(folders.files)).not.toContain('c')
  expect(await readdir(folders.files)).toContain(
    free.temporaryPath.slice(join(folders.files).length + 1),
  )
})
