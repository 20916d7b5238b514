import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmod, mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { createLogger } from '@herald/runtime'
import { openStore } from '@herald/runtime/store'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import type { Announcement } from '#src/outbox/outbox'
import { announce, makeFolders, processElsewhere, sha256 } from './outbox-folder.js'

const preparer = fileURLToPath(
  new URL('../dist/test/programs/prepare-then-killed.js', import.meta.url),
)

/** Another process prepares `announcement` and is killed; resolves to the entry's id. */
async function prepareAndKill(
  directory: string,
  announcement: Omit<Announcement, 'messages'>,
): Promise<string> {
  const argument = JSON.stringify({ ...announcement, messages: ['from a killed process'] })
  const child = spawn(process.execPath, [preparer, directory, argument], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const [id, [, signal]] = await Promise.all([text(child.stdout), once(child, 'exit')])
  expect(signal).toBe('SIGKILL')
  return id
}

/** As if a process in another PID namespace had prepared these. */
async function ownElsewhere(directory: string, ids: readonly string[]): Promise<void> {
  const store = openStore(directory)
  const entries = store.table<object, string>('outbox-entries')
  await store.write(() => {
    for (const id of ids) entries.put(id, { ...entries.get(id), owner: processElsewhere })
  })
  await store.close()
}

describe('settling', () => {
  test('leaves the entries of a running process', async () => {
    const folders = await makeFolders()
    const outbox = await folders.open()
    const id = await outbox.prepare(announce('x', [await folders.temporaryFile('a')]))
    await (await folders.open()).settle()
    expect(outbox.entries()).toMatchObject([{ id, state: { kind: 'prepared' } }])
  })

  test('places a complete temporary file of a dead process', async () => {
    const folders = await makeFolders()
    const file = await folders.temporaryFile('a')
    const id = await prepareAndKill(folders.outbox, announce('x', [file]))
    const outbox = await folders.open()
    await outbox.settle()
    expect(await readdir(folders.files)).toEqual(['a'])
    expect(outbox.entries()).toMatchObject([{ id, state: { kind: 'ready' } }])
  })

  test('accepts a file that has its final name already', async () => {
    const folders = await makeFolders()
    const file = {
      ...(await folders.temporaryFile('a')),
      temporaryPath: join(folders.files, 'gone'),
    }
    await writeFile(file.finalPath, 'content of a')
    const id = await prepareAndKill(folders.outbox, announce('x', [file]))
    const outbox = await folders.open()
    await outbox.settle()
    expect(outbox.entries()).toMatchObject([{ id, state: { kind: 'ready' } }])
  })

  test('continues if one of two files has its final name', async () => {
    const folders = await makeFolders()
    const files = [await folders.temporaryFile('a'), await folders.temporaryFile('b')]
    await writeFile(join(folders.files, 'a'), 'content of a')
    const id = await prepareAndKill(folders.outbox, announce('x', files))
    const outbox = await folders.open()
    await Promise.all([outbox.settle(), outbox.settle()])
    expect((await readdir(folders.files)).sort()).toEqual(['a', 'b'])
    expect(outbox.entries()).toMatchObject([{ id, state: { kind: 'ready' } }])
  })

  // The disk of the outbox was full at that moment, and the process continues.
  test('marks ready what this process placed and could not mark', async () => {
    const folders = await makeFolders()
    const outbox = await folders.open()
    const id = await outbox.prepare(announce('x', [await folders.temporaryFile('a')]))
    vi.spyOn(outbox.store, 'markReady').mockRejectedValueOnce(new Error('the disk is full'))
    await expect(outbox.place(id)).rejects.toThrow('the disk is full')
    expect(outbox.entries()).toMatchObject([{ id, state: { kind: 'prepared' } }])
    await outbox.settle()
    expect(outbox.entries()).toMatchObject([{ id, state: { kind: 'ready' } }])
  })

  test('drops what was never completed, with a warning that names it, and cleans up', async () => {
    const folders = await makeFolders()
    const file = { ...(await folders.temporaryFile('a')), sha256: sha256('the whole of it') }
    await prepareAndKill(folders.outbox, { ...announce('holiday.png', [file]) })
    const logger = createLogger('test', 'silent')
    const warn = vi.spyOn(logger, 'warn')
    const outbox = await folders.open(logger)
    await outbox.settle()
    expect(outbox.entries()).toEqual([])
    expect(await readdir(folders.files)).toEqual([])
    expect(warn.mock.calls).toMatchObject([[{ label: 'holiday.png' }, expect.any(String)]])
  })

  test('drops an entry if its final name was taken meanwhile', async () => {
    const folders = await makeFolders()
    const file = await folders.temporaryFile('a')
    await prepareAndKill(folders.outbox, announce('x', [file]))
    await writeFile(file.finalPath, 'existing content')
    const outbox = await folders.open()
    await outbox.settle()
    expect(outbox.entries()).toEqual([])
    expect(await readFile(file.finalPath, 'utf8')).toBe('existing content')
    expect(await readdir(folders.files)).toEqual(['a'])
  })

  test.each([
    ['is not there', 'moved'],
    ['is another one, as if its disk were not mounted', 'replaced'],
    ['cannot be read', 'locked'],
  ])('keeps an entry, with the reason, if the folder %s', async (_, how) => {
    if (how === 'locked' && process.getuid?.() === 0)
      return void console.warn('skipped: root may read every folder')
    const folders = await makeFolders()
    const file = await folders.temporaryFile('a')
    const id = await prepareAndKill(folders.outbox, announce('x', [file]))
    const away = join(folders.directory, 'away')
    if (how === 'locked') await chmod(folders.files, 0)
    else await rename(folders.files, away)
    if (how === 'replaced') await mkdir(folders.files)
    const outbox = await folders.open()
    expect(await outbox.settle()).toBe(1)
    expect(outbox.entries()).toMatchObject([
      {
        id,
        state: { kind: 'prepared' },
        lastError: expect.stringContaining(`in ${folders.files}; is it mounted?`),
      },
    ])
    if (how === 'locked') await chmod(folders.files, 0o755)
    else {
      await rm(folders.files, { recursive: true, force: true })
      await rename(away, folders.files)
    }
    expect(await outbox.settle()).toBe(0)
    expect(await readdir(folders.files)).toEqual(['a'])
    expect(outbox.entries()).toMatchObject([{ id, state: { kind: 'ready' } }])
  })

  test.each([
    ['a minute later', 61_000],
    ['when the clock was set back meanwhile', -3_600_000],
  ])(
    'keeps an incomplete entry of a process of another container, with the reason, and places a complete one %s',
    async (_, laterMs) => {
      vi.useFakeTimers({ toFake: ['Date'] })
      onTestFinished(() => void vi.useRealTimers())
      const folders = await makeFolders()
      const [half, whole] = [
        await folders.temporaryFile('half'),
        await folders.temporaryFile('whole'),
      ]
      const outbox = await folders.open()
      const ids = [
        await outbox.prepare(announce('half', [{ ...half, sha256: sha256('the whole of it') }])),
        await outbox.prepare(announce('whole', [whole])),
      ]
      await ownElsewhere(folders.outbox, ids)
      const states = () => outbox.entries().map(({ state }) => state.kind)
      expect(await outbox.settle()).toBe(2)
      expect(states()).toEqual(['prepared', 'prepared'])
      expect(outbox.entries()[0]?.lastError).toMatch(/^process \d+ of another container/)
      // A process that lives places within seconds what is complete.
      vi.setSystemTime(Date.now() + laterMs)
      expect(await outbox.settle()).toBe(1)
      expect(states()).toEqual(['prepared', 'ready'])
      expect((await readdir(folders.files)).sort()).toEqual(
        [half.temporaryPath.slice(folders.files.length + 1), 'whole'].sort(),
      )
    },
  )

  test('settles an entry later that could not be settled the first time', async () => {
    const folders = await makeFolders()
    const file = await folders.temporaryFile('a')
    const finalPath = join(folders.files, 'new', 'a')
    const id = await prepareAndKill(folders.outbox, announce('x', [{ ...file, finalPath }]))
    const outbox = await folders.open()
    await outbox.settle()
    expect(outbox.entries()).toMatchObject([{ id, state: { kind: 'prepared' } }])
    await mkdir(join(folders.files, 'new'))
    await outbox.settle()
    expect(outbox.entries()).toMatchObject([{ id, state: { kind: 'ready' } }])
  })

  test('yields to other work, however many entries are being placed', async () => {
    const folders = await makeFolders()
    const outbox = await folders.open()
    const file = await folders.temporaryFile('a')
    await Promise.all(Array.from({ length: 2000 }, () => outbox.prepare(announce('x', [file]))))
    let turns = 0
    let next = setImmediate(function count() {
      turns += 1
      next = setImmediate(count)
    })
    await outbox.settle()
    clearImmediate(next)
    expect(turns).toBeGreaterThan(10)
  })
})
