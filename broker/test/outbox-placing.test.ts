import { mkdir, readdir, readFile, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { HeraldError } from '@herald/proto'
import { describe, expect, test } from 'vitest'
import { announce, makeFolders } from './outbox-folder.js'

async function errorOf(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    () => undefined,
    (error) => error,
  )
}

describe('placing', () => {
  test('gives every file its final name and makes the entry ready', async () => {
    const folders = await makeFolders()
    const outbox = await folders.open()
    const files = [await folders.temporaryFile('a'), await folders.temporaryFile('b')]
    const id = await outbox.prepare(announce('x', files))
    await outbox.place(id)
    expect((await readdir(folders.files)).sort()).toEqual(['a', 'b'])
    expect(outbox.entries()).toMatchObject([{ id, state: { kind: 'ready' } }])
    await outbox.place(id)
    await expect(outbox.place('unknown')).rejects.toThrow(/no entry/)
  })

  test('never replaces a file, and removes what it had placed before', async () => {
    const folders = await makeFolders()
    const outbox = await folders.open()
    const files = [await folders.temporaryFile('a'), await folders.temporaryFile('b')]
    await writeFile(join(folders.files, 'b'), 'existing content')
    const id = await outbox.prepare(announce('x', files))
    const error = await errorOf(outbox.place(id))
    expect(error).toBeInstanceOf(HeraldError)
    expect(error).toMatchObject({ code: 'HERALD_FILE_EXISTS' })
    expect(await readdir(folders.files)).toEqual(['b'])
    expect(await readFile(join(folders.files, 'b'), 'utf8')).toBe('existing content')
    expect(outbox.entries()).toEqual([])
  })

  test.each(['a folder', 'a dangling link'])('refuses a name taken by %s', async (what) => {
    const folders = await makeFolders()
    const outbox = await folders.open()
    const file = await folders.temporaryFile('a')
    if (what === 'a folder') await mkdir(file.finalPath)
    else await symlink('nowhere', file.finalPath)
    const id = await outbox.prepare(announce('x', [file]))
    expect(await errorOf(outbox.place(id))).toMatchObject({ code: 'HERALD_FILE_EXISTS' })
    expect(await readdir(folders.files)).toEqual(['a'])
  })

  test('accepts an existing file with the same content', async () => {
    const folders = await makeFolders()
    const outbox = await folders.open()
    const file = await folders.temporaryFile('a', 'same')
    await writeFile(file.finalPath, 'same')
    const id = await outbox.prepare(announce('x', [file]))
    await outbox.place(id)
    expect(await readdir(folders.files)).toEqual(['a'])
    expect(outbox.entries()).toMatchObject([{ id, state: { kind: 'ready' } }])
  })

  test('of many files with one final name places one, and announces no other', async () => {
    const folders = await makeFolders()
    const outbox = await folders.open()
    const ids = await Promise.all(
      Array.from({ length: 20 }, async (_, n) =>
        outbox.prepare(announce(`${n}`, [await folders.temporaryFile('a', `content ${n}`)])),
      ),
    )
    const errors = await Promise.all(ids.map((id) => errorOf(outbox.place(id))))
    expect(errors.filter((error) => error === undefined)).toHaveLength(1)
    expect(await readdir(folders.files)).toEqual(['a'])
    const winner = errors.indexOf(undefined)
    expect(await readFile(join(folders.files, 'a'), 'utf8')).toBe(`content ${winner}`)
    expect(outbox.entries()).toMatchObject([{ id: ids[winner], state: { kind: 'ready' } }])
  })

  test('replaces a file if that is allowed, but never a folder', async () => {
    const folders = await makeFolders()
    const outbox = await folders.open()
    const file = await folders.temporaryFile('a', 'new')
    await writeFile(file.finalPath, 'old')
    await outbox.place(await outbox.prepare({ ...announce('x', [file]), overwrite: true }))
    expect(await readFile(file.finalPath, 'utf8')).toBe('new')

    const onFolder = await folders.temporaryFile('b')
    await mkdir(onFolder.finalPath)
    const id = await outbox.prepare({ ...announce('y', [onFolder]), overwrite: true })
    expect(await errorOf(outbox.place(id))).toMatchObject({ code: 'HERALD_FILE_EXISTS' })
  })

  test('that fails because a folder is missing can be tried again', async () => {
    const folders = await makeFolders()
    const outbox = await folders.open()
    const file = await folders.temporaryFile('a')
    const finalPath = join(folders.files, 'new', 'a')
    const id = await outbox.prepare(announce('x', [{ ...file, finalPath }]))
    await expect(outbox.place(id)).rejects.toThrow(/ENOENT/)
    expect(outbox.entries()).toMatchObject([{ id, state: { kind: 'prepared' } }])
    await mkdir(join(folders.files, 'new'))
    await outbox.place(id)
    expect(await readdir(join(folders.files, 'new'))).toEqual(['a'])
  })
})
