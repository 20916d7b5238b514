import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmod, mkdir, readdir, readFile, rename, rm, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import type { Published } from '@herald/broker'
import { brokerKey } from '@herald/broker/broker-name'
import type { Announcement, RelayableOutbox, RelayLease } from '@herald/broker/outbox'
import { createOutbox } from '@herald/broker/outbox-on-store'
import { openRecords } from '@herald/broker/outbox-records'
import { LeaseLost, leaseMs } from '@herald/broker/relay-leases'
import { HeraldError } from '@herald/proto'
import { createLogger, silentLogger, thisProcess } from '@herald/runtime'
import { openStore } from '@herald/runtime/store'
import { afterEach, describe, expect, onTestFinished, test, vi } from 'vitest'
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

const elsewhere = {
  ...thisProcess,
  scope: (thisProcess.scope ?? '').replace(/\d+$/, '1'),
}

/** As if a process in another PID namespace had prepared these. */
async function ownElsewhere(directory: string, ids: readonly string[]): Promise<void> {
  const store = openStore(directory)
  const entries = store.table<object, string>('entries')
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

/** Moves the monotonic clock on. */
function passTime(ms: number): void {
  clockAheadMs += ms
  process.hrtime.bigint = () => bigint() + BigInt(clockAheadMs) * 1_000_000n
}

async function leaseOf(outbox: RelayableOutbox): Promise<RelayLease> {
  const lease = await outbox.acquireLease()
  if (lease === undefined) throw new Error('another relay has the lease')
  return lease
}

const readyOf = (lease: RelayLease) => lease.next(new Set()).map(({ id }) => id)

async function publish(lease: RelayLease, id: string, published: Published): Promise<void> {
  lease.acknowledge([{ id, published: [published] }])
  await lease.recorded()
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
  const other = await bench.open()
  expect(other.entries()).toMatchObject([
    {
      ...{ id, state: 'prepared', attempts: 0, lastFault: undefined },
      ...{ broker: bench.brokerUrl, topic: 'notifications', label: 'a.png', files: [file] },
    },
  ])
  await outbox.place(id)
  const lease = await leaseOf(other)
  expect(lease.next(new Set())).toEqual([
    {
      ...{ id, topic: 'notifications', label: 'a.png', attempts: 0 },
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

  test.each([
    ['is not there', 'moved'],
    ['is another one, as if its disk were not mounted', 'replaced'],
    ['cannot be read', 'locked'],
  ])('keeps and names what it cannot look for, if the folder %s', async (_, how) => {
    if (how === 'locked' && process.getuid?.() === 0)
      return void console.warn('left out: root may read every folder')
    const bench = await makeBench()
    const file = await bench.temporaryFile('a')
    const id = await preparedByTheDead(bench.outbox, announce('x', [file]))
    const away = join(bench.directory, 'away')
    if (how === 'locked') await chmod(bench.files, 0)
    else await rename(bench.files, away)
    if (how === 'replaced') await mkdir(bench.files)
    const outbox = await bench.open()
    expect(await outbox.settle()).toBe(1)
    expect(outbox.entries()).toMatchObject([
      {
        id,
        state: 'prepared',
        lastFault: expect.stringContaining(`in ${bench.files}; is it mounted?`),
      },
    ])
    if (how === 'locked') await chmod(bench.files, 0o755)
    else {
      await rm(bench.files, { recursive: true, force: true })
      await rename(away, bench.files)
    }
    expect(await outbox.settle()).toBe(0)
    expect(await readdir(bench.files)).toEqual(['a'])
    expect(outbox.entries()).toMatchObject([{ id, state: 'ready' }])
  })

  test('leaves to a process of another container what is not complete, and names it', async () => {
    vi.useFakeTimers({ toFake: ['Date'] })
    onTestFinished(() => void vi.useRealTimers())
    const bench = await makeBench()
    const [half, whole] = [await bench.temporaryFile('half'), await bench.temporaryFile('whole')]
    const outbox = await bench.open()
    const ids = [
      await outbox.prepare(announce('half', [{ ...half, sha256: sha256('the whole of it') }])),
      await outbox.prepare(announce('whole', [whole])),
    ]
    await ownElsewhere(bench.outbox, ids)
    const states = () => outbox.entries().map(({ state }) => state)
    expect(await outbox.settle()).toBe(2)
    expect(states()).toEqual(['prepared', 'prepared'])
    expect(outbox.entries()[0]?.lastFault).toMatch(/^process \d+ of another container/)
    // A process that lives places within seconds what is complete.
    vi.setSystemTime(Date.now() + 61_000)
    expect(await outbox.settle()).toBe(1)
    expect(states()).toEqual(['prepared', 'ready'])
    expect((await readdir(bench.files)).sort()).toEqual(
      [half.temporaryPath.slice(bench.files.length + 1), 'whole'].sort(),
    )
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
    const lease = await leaseOf(one)
    expect(await other.acquireLease()).toBeUndefined()
    await lease.release()
    await leaseOf(other)
    await expect(lease.ensure()).rejects.toThrow(/another relay/)
    await lease.release()
    expect(await one.acquireLease()).toBeUndefined()
  })

  test('of a holder that stops renewing it goes to another, and the first can write nothing more', async () => {
    const bench = await makeBench()
    const [stopped, other] = [await bench.open(), await bench.open()]
    const id = await stopped.prepare(announce('a'))
    const lease = await leaseOf(stopped)
    expect(readyOf(lease)).toEqual([id])
    // What SIGSTOP does: the clock of the machine goes on, this holder does nothing.
    passTime(leaseMs - 1000)
    expect(await other.acquireLease()).toBeUndefined()
    passTime(2000)
    const next = await leaseOf(other)
    expect(readyOf(next)).toEqual([id])
    for (const act of [() => lease.ensure(), () => lease.renew(), () => lease.failed([id], 'x')]) {
      await expect(act()).rejects.toThrow(LeaseLost)
    }
    expect(other.entries()).toMatchObject([{ id, attempts: 0 }])
    await publish(next, id, { offset: '0' })
    expect(await other.published(id, 0)).toEqual([{ offset: '0' }])
  })

  test('lost while a send was under way: what the broker took is recorded, and not sent again', async () => {
    const bench = await makeBench()
    const [stopped, other] = [await bench.open(), await bench.open()]
    const ids = [await stopped.prepare(announce('a')), await stopped.prepare(announce('b'))]
    const lease = await leaseOf(stopped)
    passTime(leaseMs + 1)
    const next = await leaseOf(other)
    await publish(lease, ids[0] ?? '', { offset: '7' })
    expect(readyOf(next)).toEqual([ids[1]])
    expect(await other.published(ids[0] ?? '', 0)).toEqual([{ offset: '7' }])
    await next.ensure()
  })

  test('is kept for as long as the holder works or renews it', async () => {
    const bench = await makeBench()
    const [one, other] = [await bench.open(), await bench.open()]
    const lease = await leaseOf(one)
    for (const keep of [() => lease.renew(), () => lease.ensure(), () => lease.failed([], '')]) {
      passTime(leaseMs - 500)
      await keep()
      expect(await other.acquireLease()).toBeUndefined()
    }
  })

  test('of a process of another container is free after its time, and no sooner', async () => {
    const bench = await makeBench()
    const outbox = await bench.open()
    await (await leaseOf(outbox)).release()
    await holdElsewhere(bench.outbox, bench.brokerUrl)
    expect(await outbox.acquireLease()).toBeUndefined()
    passTime(leaseMs + 1)
    await leaseOf(outbox)
  })

  test('each broker has its own, which takes its own entries alone; the others are named', async () => {
    const bench = await makeBench()
    const here = await bench.open()
    const kafka = await bench.open(silentLogger, 'kafka://ada:secret@host:9092?ssl=true')
    const ids = [await here.prepare(announce('a')), await kafka.prepare(announce('b'))]
    const [mine, theirs] = [await leaseOf(here), await leaseOf(kafka)]
    expect([readyOf(mine), readyOf(theirs)]).toEqual([[ids[0]], [ids[1]]])
    expect([here.countReady(), kafka.countReady()]).toEqual([1, 1])
    expect(here.entries().map(({ broker }) => broker)).toEqual([
      bench.brokerUrl,
      'kafka://host:9092',
    ])
  })
})

describe('placing beside a relay at work', () => {
  async function relayed() {
    const bench = await makeBench()
    const outbox = await bench.open()
    const lease = await leaseOf(outbox)
    return { bench, outbox, lease, elsewhere: await bench.open() }
  }

  test('wakes it at once, and needs no second record', async () => {
    const { bench, outbox, lease, elsewhere } = await relayed()
    const id = await outbox.prepare(announce('x', [await bench.temporaryFile('a')]))
    expect(readyOf(lease)).toEqual([])
    const seen = outbox.changed().then(() => readyOf(lease))
    await outbox.place(id)
    expect(await readdir(bench.files)).toEqual(['a'])
    expect(await seen).toEqual([id])
    expect(outbox.entries()).toMatchObject([{ id, state: 'ready' }])
    expect(elsewhere.entries()).toMatchObject([{ id, state: 'prepared' }])
    await outbox.place(id)
    await publish(lease, id, { offset: '7' })
    expect(readyOf(lease)).toEqual([])
    expect(elsewhere.entries()).toEqual([])
    expect(await elsewhere.published(id, 0)).toEqual([{ offset: '7' }])
  })

  test('those who wait here continue when the broker acknowledges it, before it is recorded', async () => {
    const { bench, outbox, lease, elsewhere } = await relayed()
    const id = await outbox.prepare(announce('x', [await bench.temporaryFile('a')]))
    await outbox.place(id)
    lease.acknowledge([{ id, published: [{ offset: '7' }] }])
    expect(outbox.publishState(id)).toEqual({ state: 'published', published: [{ offset: '7' }] })
    expect(readyOf(lease)).toEqual([])
    expect(outbox.entries()).toEqual([])
    expect(elsewhere.publishState(id).state).toBe('waiting')
    await lease.recorded()
    expect(await elsewhere.published(id, 0)).toEqual([{ offset: '7' }])
  })

  test.each(['the relay ends', 'the outbox is closed'])(
    'marks for the next one what is not published when %s',
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
    const { bench, outbox, lease, elsewhere } = await relayed()
    const ids: string[] = []
    for (const name of ['a', 'b', 'c', 'd']) {
      const files = name === 'b' || name === 'd' ? [await bench.temporaryFile(name)] : []
      ids.push(await (name === 'c' ? elsewhere : outbox).prepare(announce(name, files)))
    }
    for (const id of [ids[3], ids[1]]) await outbox.place(id ?? '')
    expect(readyOf(lease)).toEqual(ids)
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

describe('recording what is published', () => {
  async function onRecords() {
    const bench = await makeBench()
    const records = await openRecords(bench.outbox, bench.brokerUrl)
    const outbox = createOutbox(records, bench.brokerUrl, silentLogger)
    onTestFinished(() => outbox.close())
    return { records, outbox, lease: await leaseOf(outbox) }
  }

  test('the next goes out meanwhile, and none goes twice', async () => {
    const { records, outbox, lease } = await onRecords()
    const { recordPublished } = records
    const begun: (() => void)[] = []
    records.recordPublished = async (...args) => {
      await new Promise<void>((resolve) => begun.push(resolve))
      return recordPublished(...args)
    }
    const ids = [await outbox.prepare(announce('a')), await outbox.prepare(announce('b'))]
    lease.acknowledge([{ id: ids[0] ?? '', published: [{}] }])
    expect(readyOf(lease)).toEqual([ids[1]])
    await expect.poll(() => begun.length).toBe(1)
    lease.acknowledge([{ id: ids[1] ?? '', published: [{}] }])
    expect(readyOf(lease)).toEqual([])
    const recorded = lease.recorded()
    begun[0]?.()
    await expect.poll(() => begun.length).toBe(2)
    begun[1]?.()
    await recorded
    expect(outbox.entries()).toEqual([])
  })

  test('that fails is an error of the next step, which sends nothing', async () => {
    const { records, outbox, lease } = await onRecords()
    records.recordPublished = () => Promise.reject(new Error('the disk is full'))
    const ids = [await outbox.prepare(announce('a')), await outbox.prepare(announce('b'))]
    lease.acknowledge([{ id: ids[0] ?? '', published: [{}] }])
    await expect(lease.recorded()).rejects.toThrow('the disk is full')
    expect(() => lease.next(new Set())).toThrow('the disk is full')
    await lease.release()
    expect(readyOf(await leaseOf(outbox))).toEqual(ids)
  })
})

test('a step of a relay decodes the messages of one batch, however many wait', async () => {
  const bench = await makeBench()
  const records = await openRecords(bench.outbox, bench.brokerUrl)
  const outbox = createOutbox(records, bench.brokerUrl, silentLogger)
  onTestFinished(() => outbox.close())
  await Promise.all(
    Array.from({ length: 3000 }, (_, n) =>
      outbox.prepare({ ...announce('x'), topic: `t${n % 2}` }),
    ),
  )
  const bodies = vi.spyOn(records.messages, 'get')
  const rows = vi.spyOn(records.entries, 'get')
  const lease = await leaseOf(outbox)
  expect(lease.next(new Set())).toHaveLength(128)
  expect(lease.next(new Set(['t0', 't1']))).toEqual([])
  expect(bodies).toHaveBeenCalledTimes(128)
  expect(rows.mock.calls.length).toBeLessThan(140)
})

test('settling gives way to other work, however many entries are being placed', async () => {
  const bench = await makeBench()
  const outbox = await bench.open()
  const file = await bench.temporaryFile('a')
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
    const bench = await makeBench()
    const [outbox, other] = [await bench.open(), await bench.open()]
    const id = await outbox.prepare(announce('x'))
    const published = outbox.published(id, 20_000)
    await publish(await leaseOf(other), id, { partition: 3, offset: '7' })
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
    const lease = await leaseOf(outbox)
    const publishOne = async () => {
      const id = await outbox.prepare(announce('x'))
      await publish(lease, id, { offset: '0' })
      return id
    }
    const first = await publishOne()
    vi.setSystemTime(Date.now() + 6 * 86_400_000)
    const second = await publishOne()
    expect(await outbox.published(first, 0)).toEqual([{ offset: '0' }])
    vi.setSystemTime(Date.now() + 2 * 86_400_000)
    await publishOne()
    expect(await outbox.published(first, 0)).toBeUndefined()
    expect(await outbox.published(second, 0)).toEqual([{ offset: '0' }])
  })
})
