import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, readdir, readFile, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import type { Announcement } from '@herald/broker/outbox'
import { HeraldError } from '@herald/proto'
import { createLogger } from '@herald/runtime'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { announce, makeBench, sha256, textMessage } from './outbox-bench.js'

const prepareAndDie = fileURLToPath(
  new URL('../dist/test/programs/prepare-and-die.js', import.meta.url),
)

/** Another process prepares `announcement` and is killed; resolves to the entry's id. */
async function preparedByTheDead(
  directory: string,
  announcement: Omit<Announcement, 'messages'>,
): Promise<string> {
  const argument = JSON.stringify({ ...announcement, messages: ['from the dead'] })
  const child = spawn(process.execPath, [prepareAndDie, directory, argument], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const [id, [, signal]] = await Promise.all([text(child.stdout), once(child, 'exit')])
  expect(signal).toBe('SIGKILL')
  return id
}

async function faultOf(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    () => undefined,
    (error) => error,
  )
}

test('what is prepared is kept byte for byte, also for another opening of the folder', async () => {
  const bench = await makeBench()
  const outbox = await bench.open()
  const file = await bench.temporaryFile('a.webp')
  const message = {
    key: null,
    value: Uint8Array.from({ length: 256 }, (_, byte) => byte),
    headers: { ce_id: Uint8Array.of(0xff, 0, 0x80), 'content-type': Buffer.from('x') },
  }
  const id = await outbox.prepare({
    topic: 'notifications',
    messages: [message],
    files: [file],
    label: 'a.png',
  })
  const [entry] = (await bench.open()).entries()
  expect(entry).toMatchObject({ id, state: 'prepared', attempts: 0, lastFault: undefined })
  expect(entry?.announcement).toEqual({
    topic: 'notifications',
    messages: [
      {
        key: null,
        value: Buffer.from(message.value),
        headers: { ce_id: Buffer.of(0xff, 0, 0x80), 'content-type': Buffer.from('x') },
      },
    ],
    files: [file],
    overwrite: false,
    label: 'a.png',
  })
})

test('entries come in the order in which they were prepared', async () => {
  const outbox = await (await makeBench()).open()
  const ids: string[] = []
  for (let n = 0; n < 50; n++) ids.push(await outbox.prepare(announce(`${n}`)))
  expect(outbox.entries().map(({ id }) => id)).toEqual(ids)
  expect(outbox.entries().every(({ state }) => state === 'ready')).toBe(true)
})

test('an announcement that could not be carried out is refused', async () => {
  const bench = await makeBench()
  const outbox = await bench.open()
  const file = await bench.temporaryFile('a')
  const sound = announce('x', [file])
  for (const [unsound, reason] of [
    [{ ...sound, topic: '' }, /topic/],
    [{ ...sound, messages: [] }, /at least one message/],
    [{ ...sound, messages: [textMessage('')] }, /empty value/],
    [{ ...sound, files: [{ ...file, finalPath: 'a' }] }, /absolute/],
    [{ ...sound, files: [{ ...file, sha256: 'ABC' }] }, /SHA-256/],
    [{ ...sound, files: [file, file] }, /each path once/],
  ] as const) {
    await expect(outbox.prepare(unsound)).rejects.toThrow(reason)
  }
  expect(outbox.entries()).toEqual([])
})

describe('placing', () => {
  test('gives every file its final name and makes the entry ready', async () => {
    const bench = await makeBench()
    const outbox = await bench.open()
    const files = [await bench.temporaryFile('a'), await bench.temporaryFile('b')]
    const id = await outbox.prepare(announce('x', files))
    await outbox.place(id)
    expect((await readdir(bench.files)).sort()).toEqual(['a', 'b'])
    expect(outbox.entries()).toMatchObject([{ id, state: 'ready' }])
    await outbox.place(id)
    await expect(outbox.place('unheard-of')).rejects.toThrow(/no entry/)
  })

  test('never replaces a file, and takes back what it had placed before', async () => {
    const bench = await makeBench()
    const outbox = await bench.open()
    const files = [await bench.temporaryFile('a'), await bench.temporaryFile('b')]
    await writeFile(join(bench.files, 'b'), 'somebody else was here')
    const id = await outbox.prepare(announce('x', files))
    const fault = await faultOf(outbox.place(id))
    expect(fault).toBeInstanceOf(HeraldError)
    expect(fault).toMatchObject({ code: 'HERALD_FILE_EXISTS' })
    expect(await readdir(bench.files)).toEqual(['b'])
    expect(await readFile(join(bench.files, 'b'), 'utf8')).toBe('somebody else was here')
    expect(outbox.entries()).toEqual([])
  })

  test.each(['a folder', 'a dangling link'])('refuses a name taken by %s', async (what) => {
    const bench = await makeBench()
    const outbox = await bench.open()
    const file = await bench.temporaryFile('a')
    if (what === 'a folder') await mkdir(file.finalPath)
    else await symlink('nowhere', file.finalPath)
    const id = await outbox.prepare(announce('x', [file]))
    expect(await faultOf(outbox.place(id))).toMatchObject({ code: 'HERALD_FILE_EXISTS' })
    expect(await readdir(bench.files)).toEqual(['a'])
  })

  test('is content with the same content', async () => {
    const bench = await makeBench()
    const outbox = await bench.open()
    const file = await bench.temporaryFile('a', 'same')
    await writeFile(file.finalPath, 'same')
    const id = await outbox.prepare(announce('x', [file]))
    await outbox.place(id)
    expect(await readdir(bench.files)).toEqual(['a'])
    expect(outbox.entries()).toMatchObject([{ id, state: 'ready' }])
  })

  test('of many to one name, one wins, and no other is announced', async () => {
    const bench = await makeBench()
    const outbox = await bench.open()
    const ids = await Promise.all(
      Array.from({ length: 20 }, async (_, n) =>
        outbox.prepare(announce(`${n}`, [await bench.temporaryFile('a', `content ${n}`)])),
      ),
    )
    const faults = await Promise.all(ids.map((id) => faultOf(outbox.place(id))))
    expect(faults.filter((fault) => fault === undefined)).toHaveLength(1)
    expect(await readdir(bench.files)).toEqual(['a'])
    const winner = faults.indexOf(undefined)
    expect(await readFile(join(bench.files, 'a'), 'utf8')).toBe(`content ${winner}`)
    expect(outbox.entries()).toMatchObject([{ id: ids[winner], state: 'ready' }])
  })

  test('replaces where it may, but never a folder', async () => {
    const bench = await makeBench()
    const outbox = await bench.open()
    const file = await bench.temporaryFile('a', 'new')
    await writeFile(file.finalPath, 'old')
    await outbox.place(await outbox.prepare({ ...announce('x', [file]), overwrite: true }))
    expect(await readFile(file.finalPath, 'utf8')).toBe('new')

    const onFolder = await bench.temporaryFile('b')
    await mkdir(onFolder.finalPath)
    const id = await outbox.prepare({ ...announce('y', [onFolder]), overwrite: true })
    expect(await faultOf(outbox.place(id))).toMatchObject({ code: 'HERALD_FILE_EXISTS' })
  })

  test('that fails for want of a folder can be tried again', async () => {
    const bench = await makeBench()
    const outbox = await bench.open()
    const file = await bench.temporaryFile('a')
    const finalPath = join(bench.files, 'new', 'a')
    const id = await outbox.prepare(announce('x', [{ ...file, finalPath }]))
    await expect(outbox.place(id)).rejects.toThrow(/ENOENT/)
    expect(outbox.entries()).toMatchObject([{ id, state: 'prepared' }])
    await mkdir(join(bench.files, 'new'))
    await outbox.place(id)
    expect(await readdir(join(bench.files, 'new'))).toEqual(['a'])
  })
})

test('what is abandoned leaves nothing', async () => {
  const bench = await makeBench()
  const outbox = await bench.open()
  const id = await outbox.prepare(announce('x', [await bench.temporaryFile('a')]))
  await outbox.abandon(id)
  await outbox.abandon(id)
  expect(await readdir(bench.files)).toEqual([])
  expect(outbox.entries()).toEqual([])
})

describe('settling', () => {
  test('leaves alone what a living process prepared', async () => {
    const bench = await makeBench()
    const outbox = await bench.open()
    const id = await outbox.prepare(announce('x', [await bench.temporaryFile('a')]))
    await (await bench.open()).settle()
    expect(outbox.entries()).toMatchObject([{ id, state: 'prepared' }])
  })

  test('places a complete temporary file of a dead process', async () => {
    const bench = await makeBench()
    const file = await bench.temporaryFile('a')
    const id = await preparedByTheDead(bench.outbox, announce('x', [file]))
    const outbox = await bench.open()
    await outbox.settle()
    expect(await readdir(bench.files)).toEqual(['a'])
    expect(outbox.entries()).toMatchObject([{ id, state: 'ready' }])
  })

  test('finds the final file in place', async () => {
    const bench = await makeBench()
    const file = { ...(await bench.temporaryFile('a')), temporaryPath: join(bench.files, 'gone') }
    await writeFile(file.finalPath, 'content of a')
    const id = await preparedByTheDead(bench.outbox, announce('x', [file]))
    const outbox = await bench.open()
    await outbox.settle()
    expect(outbox.entries()).toMatchObject([{ id, state: 'ready' }])
  })

  test('goes on where one of two files had its final name', async () => {
    const bench = await makeBench()
    const files = [await bench.temporaryFile('a'), await bench.temporaryFile('b')]
    await writeFile(join(bench.files, 'a'), 'content of a')
    const id = await preparedByTheDead(bench.outbox, announce('x', files))
    const outbox = await bench.open()
    await Promise.all([outbox.settle(), outbox.settle()])
    expect((await readdir(bench.files)).sort()).toEqual(['a', 'b'])
    expect(outbox.entries()).toMatchObject([{ id, state: 'ready' }])
  })

  test('drops what was never completed, with a warning that names it, and cleans up', async () => {
    const bench = await makeBench()
    const file = { ...(await bench.temporaryFile('a')), sha256: sha256('the whole of it') }
    await preparedByTheDead(bench.outbox, { ...announce('holiday.png', [file]) })
    const logger = createLogger('test', 'silent')
    const warn = vi.spyOn(logger, 'warn')
    const outbox = await bench.open(logger)
    await outbox.settle()
    expect(outbox.entries()).toEqual([])
    expect(await readdir(bench.files)).toEqual([])
    expect(warn.mock.calls).toMatchObject([[{ label: 'holiday.png' }, expect.any(String)]])
  })

  test('drops what would replace a file that came meanwhile', async () => {
    const bench = await makeBench()
    const file = await bench.temporaryFile('a')
    await preparedByTheDead(bench.outbox, announce('x', [file]))
    await writeFile(file.finalPath, 'somebody else was here')
    const outbox = await bench.open()
    await outbox.settle()
    expect(outbox.entries()).toEqual([])
    expect(await readFile(file.finalPath, 'utf8')).toBe('somebody else was here')
    expect(await readdir(bench.files)).toEqual(['a'])
  })

  test('tries again what could not be settled the first time', async () => {
    const bench = await makeBench()
    const file = await bench.temporaryFile('a')
    const finalPath = join(bench.files, 'new', 'a')
    const id = await preparedByTheDead(bench.outbox, announce('x', [{ ...file, finalPath }]))
    const outbox = await bench.open()
    await outbox.settle()
    expect(outbox.entries()).toMatchObject([{ id, state: 'prepared' }])
    await mkdir(join(bench.files, 'new'))
    await outbox.settle()
    expect(outbox.entries()).toMatchObject([{ id, state: 'ready' }])
  })
})

describe('the lease', () => {
  test('is held by one at a time and handed on when it is released', async () => {
    const bench = await makeBench()
    const [one, other] = [await bench.open(), await bench.open()]
    const lease = await one.acquireLease()
    expect(lease).toBeDefined()
    expect(await other.acquireLease()).toBeUndefined()
    await lease?.release()
    const next = await other.acquireLease()
    expect(next).toBeDefined()
    await expect(lease?.published([])).rejects.toThrow(/another relay/)
    await lease?.release()
    expect(await one.acquireLease()).toBeUndefined()
  })
})

describe('placing beside a relay at work', () => {
  async function relayed() {
    const bench = await makeBench()
    const outbox = await bench.open()
    const lease = await outbox.acquireLease()
    if (lease === undefined) throw new Error('somebody else has the lease')
    const ready = () => Array.from(lease.ready(), ({ id }) => id)
    return { bench, outbox, lease, ready, elsewhere: await bench.open() }
  }

  test('wakes it at once, and needs no second record', async () => {
    const { bench, outbox, lease, ready, elsewhere } = await relayed()
    const id = await outbox.prepare(announce('x', [await bench.temporaryFile('a')]))
    expect(ready()).toEqual([])
    const told: string[][] = []
    outbox.listen(() => void told.push(ready()))
    await outbox.place(id)
    expect(await readdir(bench.files)).toEqual(['a'])
    expect(told[0]).toEqual([id])
    expect(outbox.entries()).toMatchObject([{ id, state: 'ready' }])
    expect(elsewhere.entries()).toMatchObject([{ id, state: 'prepared' }])
    await outbox.place(id)
    await lease.published([{ id, published: [{ offset: '7' }] }])
    expect(ready()).toEqual([])
    expect(elsewhere.entries()).toEqual([])
    expect(await elsewhere.published(id, 0)).toEqual([{ offset: '7' }])
  })

  test('whoever waits here hears of the broker what the others hear once it is noted', async () => {
    const { bench, outbox, lease, elsewhere } = await relayed()
    const id = await outbox.prepare(announce('x', [await bench.temporaryFile('a')]))
    await outbox.place(id)
    const published = outbox.published(id, 20_000)
    lease.acknowledged([{ id, published: [{ offset: '7' }] }])
    expect(await published).toEqual([{ offset: '7' }])
    expect(outbox.entries()).toEqual([])
    expect(await elsewhere.published(id, 0)).toBeUndefined()
    await lease.published([{ id, published: [{ offset: '7' }] }])
    expect(await elsewhere.published(id, 0)).toEqual([{ offset: '7' }])
  })

  test('everybody is told of what is not published soon', async () => {
    const { bench, outbox, ready, elsewhere } = await relayed()
    const id = await outbox.prepare(announce('x', [await bench.temporaryFile('a')]))
    await outbox.place(id)
    await expect.poll(() => elsewhere.entries()).toMatchObject([{ id, state: 'ready' }])
    expect(ready()).toEqual([id])
  })

  test.each(['the relay ends', 'the outbox is closed'])(
    'so is the next one when %s',
    async (how) => {
      const { bench, outbox, lease, elsewhere } = await relayed()
      const id = await outbox.prepare(announce('x', [await bench.temporaryFile('a')]))
      await outbox.place(id)
      await (how === 'the relay ends' ? lease.release() : outbox.close())
      expect(elsewhere.entries()).toMatchObject([{ id, state: 'ready' }])
      const later = await elsewhere.prepare(announce('y', [await bench.temporaryFile('b')]))
      await elsewhere.place(later)
      expect(elsewhere.entries().map(({ state }) => state)).toEqual(['ready', 'ready'])
    },
  )

  test('keeps the order of the records', async () => {
    const { bench, outbox, ready, elsewhere } = await relayed()
    const ids: string[] = []
    for (const name of ['a', 'b', 'c', 'd']) {
      const files = name === 'b' || name === 'd' ? [await bench.temporaryFile(name)] : []
      ids.push(await (name === 'c' ? elsewhere : outbox).prepare(announce(name, files)))
    }
    for (const id of [ids[3], ids[1]]) await outbox.place(id ?? '')
    expect(ready()).toEqual(ids)
  })

  test('keeps how often it failed, and why', async () => {
    const { bench, outbox, lease, elsewhere } = await relayed()
    const id = await outbox.prepare(announce('x', [await bench.temporaryFile('a')]))
    await outbox.place(id)
    await lease.failed([id], 'nobody answers')
    for (const each of [outbox, elsewhere]) {
      expect(each.entries()).toMatchObject([
        { id, state: 'ready', attempts: 1, lastFault: 'nobody answers' },
      ])
    }
  })
})

describe('waiting for an entry to be published', () => {
  test('ends when another opening of the outbox published it', async () => {
    const bench = await makeBench()
    const [outbox, other] = [await bench.open(), await bench.open()]
    const id = await outbox.prepare(announce('x'))
    const published = outbox.published(id, 20_000)
    const lease = await other.acquireLease()
    await lease?.published([{ id, published: [{ partition: 3, offset: '7' }] }])
    expect(await published).toEqual([{ partition: 3, offset: '7' }])
    expect(await other.published(id, 0)).toEqual([{ partition: 3, offset: '7' }])
    expect(outbox.entries()).toEqual([])
  })

  test('ends after its time, at the closing, and at once where nobody knows the entry', async () => {
    const outbox = await (await makeBench()).open()
    const id = await outbox.prepare(announce('x'))
    expect(await outbox.published(id, 10)).toBeUndefined()
    expect(await outbox.published('unheard-of', 20_000)).toBeUndefined()
    const waiting = outbox.published(id, 20_000)
    await outbox.close()
    expect(await waiting).toBeUndefined()
    await outbox.close()
  })

  test('is remembered for seven days', async () => {
    vi.useFakeTimers({ toFake: ['Date'] })
    onTestFinished(() => void vi.useRealTimers())
    const outbox = await (await makeBench()).open()
    const lease = await outbox.acquireLease()
    const publish = async () => {
      const id = await outbox.prepare(announce('x'))
      await lease?.published([{ id, published: [{ offset: '0' }] }])
      return id
    }
    const first = await publish()
    vi.setSystemTime(Date.now() + 6 * 86_400_000)
    const second = await publish()
    expect(await outbox.published(first, 0)).toEqual([{ offset: '0' }])
    vi.setSystemTime(Date.now() + 2 * 86_400_000)
    await publish()
    expect(await outbox.published(first, 0)).toBeUndefined()
    expect(await outbox.published(second, 0)).toEqual([{ offset: '0' }])
  })
})
