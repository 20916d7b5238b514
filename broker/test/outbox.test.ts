import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmod, mkdir, readdir, readFile, rename, rm, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import type { PublishedPosition } from '@herald/broker'
import { HeraldError } from '@herald/proto'
import { createLogger, silentLogger, thisProcess } from '@herald/runtime'
import { openStore } from '@herald/runtime/store'
import { afterEach, describe, expect, onTestFinished, test, vi } from 'vitest'
import { brokerKey } from '#src/broker-name'
import type { Announcement, Outbox } from '#src/outbox/outbox'
import { OutboxStore } from '#src/outbox/outbox-store'
import { LeaseLost, leaseDurationMs, type RelayLease } from '#src/outbox/relay-lease'
import { announce, makeFolders, sha256, textMessage } from './outbox-folder.js'

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

const elsewhere = {
  ...thisProcess,
  scope: (thisProcess.scope ?? '').replace(/\d+$/, '1'),
}

/** As if a process in another PID namespace had prepared these. */
async function ownElsewhere(directory: string, ids: readonly string[]): Promise<void> {
  const store = openStore(directory)
  const entries = store.table<object, string>('outbox-entries')
  await store.write(() => {
    for (const id of ids) entries.put(id, { ...entries.get(id), owner: elsewhere })
  })
  await store.close()
}

/** As if a process in another PID namespace had taken the lease now. */
async function holdElsewhere(directory: string, broker: string): Promise<void> {
  const store = openStore(directory)
  const leases = store.table<object, string>('relay-leases')
  const renewedAtMs = Number(process.hrtime.bigint() / 1_000_000n)
  await store.write(() => {
    leases.put(brokerKey(broker), { epoch: 100, holder: elsewhere, renewedAtMs })
  })
  await store.close()
}

let clockAheadMs = 0
const { bigint } = process.hrtime
afterEach(() => {
  clockAheadMs = 0
  process.hrtime.bigint = bigint
})

/** Moves the monotonic clock forward. */
function passTime(ms: number): void {
  clockAheadMs += ms
  process.hrtime.bigint = () => bigint() + BigInt(clockAheadMs) * 1_000_000n
}

async function leaseOf(outbox: Outbox): Promise<RelayLease> {
  const lease = await outbox.store.acquireLease()
  if (lease === undefined) throw new Error('another relay has the lease')
  return lease
}

const readyOf = (outbox: Outbox) => outbox.store.nextBatch(new Set()).map(({ entry: { id } }) => id)

/** As a relay does when the broker has acknowledged that entry. */
const recordPublished = (outbox: Outbox, lease: RelayLease, id: string, to: PublishedPosition) =>
  outbox.store.recordPublished(lease, [{ id, to: [to] }])

async function errorOf(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    () => undefined,
    (error) => error,
  )
}

test('what is prepared is kept byte for byte, also for another opening of the folder', async () => {
  const folders = await makeFolders()
  const outbox = await folders.open()
  const file = await folders.temporaryFile('a.webp')
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
  const other = await folders.open()
  expect(other.entries()).toMatchObject([
    {
      ...{ id, state: { kind: 'prepared' }, attempts: 0, lastError: undefined },
      ...{ broker: folders.brokerUrl, topic: 'notifications', label: 'a.png', files: [file] },
    },
  ])
  await outbox.place(id)
  expect(other.store.nextBatch(new Set())).toEqual([
    {
      entry: other.entry(id),
      messages: [
        {
          key: null,
          value: Buffer.from(message.value),
          headers: { ce_id: Buffer.of(0xff, 0, 0x80), 'content-type': Buffer.from('x') },
        },
      ],
    },
  ])
})

test('entries come in the order in which they were prepared', async () => {
  const outbox = await (await makeFolders()).open()
  const ids: string[] = []
  for (let n = 0; n < 50; n++) ids.push(await outbox.prepare(announce(`${n}`)))
  expect(outbox.entries().map(({ id }) => id)).toEqual(ids)
  expect(outbox.entries().every(({ state }) => state.kind === 'ready')).toBe(true)
})

test('an entry of a given id is added once, also after it was published', async () => {
  const outbox = await (await makeFolders()).open()
  const id = '0193b1c7-0000-7000-8000-000000000001'
  expect(await outbox.prepare({ ...announce('x'), id })).toBe(id)
  expect(await outbox.prepare({ ...announce('again'), id })).toBe(id)
  expect(outbox.entries()).toMatchObject([{ id, label: outbox.entry(id)?.label }])
  await recordPublished(outbox, await leaseOf(outbox), id, { offset: '0' })
  await outbox.prepare({ ...announce('again'), id })
  expect(outbox.entries()).toEqual([])
})

test('an invalid announcement is refused', async () => {
  const folders = await makeFolders()
  const outbox = await folders.open()
  const file = await folders.temporaryFile('a')
  const valid = announce('x', [file])
  for (const [invalid, reason] of [
    [{ ...valid, topic: '' }, /topic/],
    [{ ...valid, messages: [] }, /at least one message/],
    [{ ...valid, messages: [textMessage('')] }, /empty value/],
    [{ ...valid, files: [{ ...file, finalPath: 'a' }] }, /absolute/],
    [{ ...valid, files: [{ ...file, sha256: 'ABC' }] }, /SHA-256/],
    [{ ...valid, files: [file, file] }, /each path once/],
  ] as const) {
    await expect(outbox.prepare(invalid)).rejects.toThrow(reason)
  }
  expect(outbox.entries()).toEqual([])
})

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

test('an abandoned entry leaves nothing', async () => {
  const folders = await makeFolders()
  const outbox = await folders.open()
  const id = await outbox.prepare(announce('x', [await folders.temporaryFile('a')]))
  await outbox.abandon(id)
  await outbox.abandon(id)
  expect(await readdir(folders.files)).toEqual([])
  expect(outbox.entries()).toEqual([])
})

describe('dropping', () => {
  test('removes an entry in any state but published', async () => {
    const outbox = await (await makeFolders()).open()
    const lease = await leaseOf(outbox)
    const ids = [
      await outbox.prepare(announce('ready')),
      await outbox.prepare(announce('set aside')),
      await outbox.prepare(announce('published')),
    ]
    await outbox.store.recordFailure(lease, ids.slice(1, 2), 'too large', Date.now() + 60_000)
    await recordPublished(outbox, lease, ids[2] ?? '', { offset: '0' })
    expect(await Promise.all(ids.map((id) => outbox.drop(id)))).toEqual([true, true, false])
    expect(outbox.entries()).toEqual([])
    expect(outbox.store.countReady()).toBe(0)
    expect(outbox.entry(ids[2] ?? '')?.state.kind).toBe('published')
  })

  test('of an entry that the broker acknowledges meanwhile leaves nothing', async () => {
    const outbox = await (await makeFolders()).open()
    const lease = await leaseOf(outbox)
    const id = await outbox.prepare(announce('x'))
    expect(readyOf(outbox)).toEqual([id])
    await outbox.drop(id)
    await recordPublished(outbox, lease, id, { offset: '0' })
    await outbox.store.recordFailure(lease, [id], 'late')
    expect([...outbox.entries(), ...outbox.store.published()]).toEqual([])
  })
})

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

  test('keeps an incomplete entry of a process of another container, with the reason', async () => {
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
    vi.setSystemTime(Date.now() + 61_000)
    expect(await outbox.settle()).toBe(1)
    expect(states()).toEqual(['prepared', 'ready'])
    expect((await readdir(folders.files)).sort()).toEqual(
      [half.temporaryPath.slice(folders.files.length + 1), 'whole'].sort(),
    )
  })

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
})

describe('the lease', () => {
  test('is held by one at a time, and free once it is released', async () => {
    const folders = await makeFolders()
    const [one, other] = [await folders.open(), await folders.open()]
    const lease = await leaseOf(one)
    expect(await other.store.acquireLease()).toBeUndefined()
    await lease.release()
    await leaseOf(other)
    await expect(lease.ensureHeld()).rejects.toThrow(/another relay/)
    await lease.release()
    expect(await one.store.acquireLease()).toBeUndefined()
  })

  test('of a holder that does not renew it can be taken, and then the first holder cannot write', async () => {
    const folders = await makeFolders()
    const [stopped, other] = [await folders.open(), await folders.open()]
    const id = await stopped.prepare(announce('a'))
    const lease = await leaseOf(stopped)
    // What SIGSTOP does: the clock of the machine continues, this holder does nothing.
    passTime(leaseDurationMs - 1000)
    expect(await other.store.acquireLease()).toBeUndefined()
    passTime(2000)
    const next = await leaseOf(other)
    for (const act of [
      () => lease.ensureHeld(),
      () => lease.renew(),
      () => stopped.store.recordFailure(lease, [id], 'x'),
    ]) {
      await expect(act()).rejects.toThrow(LeaseLost)
    }
    expect(other.entries()).toMatchObject([{ id, attempts: 0 }])
    await recordPublished(other, next, id, { offset: '0' })
    expect(await other.untilPublished(id, 0)).toEqual([{ offset: '0' }])
  })

  test('may be lost during a send: what the broker acknowledged is recorded, and not sent again', async () => {
    const folders = await makeFolders()
    const [stopped, other] = [await folders.open(), await folders.open()]
    const ids = [await stopped.prepare(announce('a')), await stopped.prepare(announce('b'))]
    const lease = await leaseOf(stopped)
    passTime(leaseDurationMs + 1)
    const next = await leaseOf(other)
    await recordPublished(stopped, lease, ids[0] ?? '', { offset: '7' })
    expect(readyOf(other)).toEqual([ids[1]])
    expect(await other.untilPublished(ids[0] ?? '', 0)).toEqual([{ offset: '7' }])
    await next.ensureHeld()
  })

  test('is kept for as long as the holder works or renews it', async () => {
    const folders = await makeFolders()
    const [one, other] = [await folders.open(), await folders.open()]
    const lease = await leaseOf(one)
    for (const keep of [
      () => lease.renew(),
      () => lease.ensureHeld(),
      () => one.store.recordFailure(lease, [], ''),
      () => one.store.recordPublished(lease, []),
    ]) {
      passTime(leaseDurationMs - 500)
      await keep()
      expect(await other.store.acquireLease()).toBeUndefined()
    }
  })

  test('of a process of another container is free once it has expired, and not before', async () => {
    const folders = await makeFolders()
    const outbox = await folders.open()
    await (await leaseOf(outbox)).release()
    await holdElsewhere(folders.outbox, folders.brokerUrl)
    expect(await outbox.store.acquireLease()).toBeUndefined()
    passTime(leaseDurationMs + 1)
    await leaseOf(outbox)
  })

  test('each broker has its own, for its own entries', async () => {
    const folders = await makeFolders()
    const here = await folders.open()
    const kafka = await folders.open(silentLogger, 'kafka://ada:secret@host:9092?ssl=true')
    const ids = [await here.prepare(announce('a')), await kafka.prepare(announce('b'))]
    await Promise.all([leaseOf(here), leaseOf(kafka)])
    expect([readyOf(here), readyOf(kafka)]).toEqual([[ids[0]], [ids[1]]])
    expect([here.store.countReady(), kafka.store.countReady()]).toEqual([1, 1])
    expect(here.entries().map(({ broker }) => broker)).toEqual([
      folders.brokerUrl,
      'kafka://host:9092',
    ])
  })
})

test('entries are published in the order in which they were prepared, not placed', async () => {
  const folders = await makeFolders()
  const [outbox, other] = [await folders.open(), await folders.open()]
  const ids: string[] = []
  for (const name of ['a', 'b', 'c', 'd']) {
    const files = name === 'b' || name === 'd' ? [await folders.temporaryFile(name)] : []
    ids.push(await (name === 'c' ? other : outbox).prepare(announce(name, files)))
  }
  for (const id of [ids[3], ids[1]]) await outbox.place(id ?? '')
  expect(readyOf(other)).toEqual(ids)
})

test('a change by another opening of the outbox is noticed', async () => {
  const folders = await makeFolders()
  const [outbox, other] = [await folders.open(), await folders.open()]
  const id = await other.prepare(announce('x', [await folders.temporaryFile('a')]))
  const seen = outbox.changed().then(() => readyOf(outbox))
  await other.place(id)
  expect(await seen).toEqual([id])
})

test('the number of failed attempts and the last error are kept', async () => {
  const folders = await makeFolders()
  const outbox = await folders.open()
  const id = await outbox.prepare(announce('x', [await folders.temporaryFile('a')]))
  await outbox.place(id)
  await outbox.store.recordFailure(await leaseOf(outbox), [id], 'nobody answers')
  expect((await folders.open()).entries()).toMatchObject([
    { id, state: { kind: 'ready' }, attempts: 1, lastError: 'nobody answers' },
  ])
})

test('a step of a relay reads the entries of one batch, however many wait', async () => {
  const folders = await makeFolders()
  const outbox = await folders.open()
  await Promise.all(
    Array.from({ length: 3000 }, (_, n) =>
      outbox.prepare({ ...announce('x'), topic: `t${n % 2}` }),
    ),
  )
  const reads = vi.fn()
  const store = openStore(folders.outbox)
  const counted = await OutboxStore.open(
    {
      ...store,
      table: (name, encoding) => {
        const table = store.table(name, encoding)
        return {
          ...table,
          get(key: never) {
            reads()
            return table.get(key)
          },
        } as never
      },
    },
    folders.brokerUrl,
  )
  onTestFinished(() => counted.close())
  expect(counted.nextBatch(new Set())).toHaveLength(128)
  expect(counted.nextBatch(new Set(['t0', 't1']))).toEqual([])
  // An entry and its messages each, and the first that is too many.
  expect(reads).toHaveBeenCalledTimes(2 * 129)
})

test('settling yields to other work, however many entries are being placed', async () => {
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

describe('waiting for an entry to be published', () => {
  test('ends when another opening of the outbox published it', async () => {
    const folders = await makeFolders()
    const [outbox, other] = [await folders.open(), await folders.open()]
    const id = await outbox.prepare(announce('x'))
    const published = outbox.untilPublished(id, 20_000)
    await recordPublished(other, await leaseOf(other), id, { partition: 3, offset: '7' })
    expect(await published).toEqual([{ partition: 3, offset: '7' }])
    expect(await other.untilPublished(id, 0)).toEqual([{ partition: 3, offset: '7' }])
    expect(outbox.entries()).toEqual([])
  })

  test('ends when the broker has acknowledged it, before that is recorded', async () => {
    const folders = await makeFolders()
    const [outbox, other] = [await folders.open(), await folders.open()]
    const id = await outbox.prepare(announce('x'))
    const recorded = recordPublished(outbox, await leaseOf(outbox), id, { offset: '7' })
    expect(await outbox.untilPublished(id, 0)).toEqual([{ offset: '7' }])
    await recorded
    expect(await other.untilPublished(id, 0)).toEqual([{ offset: '7' }])
  })

  test('ends after its timeout, at close, and at once for an unknown entry', async () => {
    const outbox = await (await makeFolders()).open()
    const id = await outbox.prepare(announce('x'))
    expect(await outbox.untilPublished(id, 10)).toBeUndefined()
    expect(await outbox.untilPublished('unknown', 20_000)).toBeUndefined()
    const waiting = outbox.untilPublished(id, 20_000)
    await outbox.close()
    expect(await waiting).toBeUndefined()
    await outbox.close()
  })

  test('is remembered for seven days', async () => {
    vi.useFakeTimers({ toFake: ['Date'] })
    onTestFinished(() => void vi.useRealTimers())
    const outbox = await (await makeFolders()).open()
    const lease = await leaseOf(outbox)
    const publishOne = async () => {
      const id = await outbox.prepare(announce('x'))
      await recordPublished(outbox, lease, id, { offset: '0' })
      return id
    }
    const first = await publishOne()
    vi.setSystemTime(Date.now() + 6 * 86_400_000)
    const second = await publishOne()
    expect(await outbox.untilPublished(first, 0)).toEqual([{ offset: '0' }])
    vi.setSystemTime(Date.now() + 2 * 86_400_000)
    await publishOne()
    expect(await outbox.untilPublished(first, 0)).toBeUndefined()
    expect(await outbox.untilPublished(second, 0)).toEqual([{ offset: '0' }])
  })
})
