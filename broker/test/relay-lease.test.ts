import { silentLogger } from '@herald/runtime'
import { openStore } from '@herald/runtime/store'
import { afterEach, describe, expect, test } from 'vitest'
import { brokerKey } from '#src/broker-name'
import { LeaseLost, leaseDurationMs } from '#src/outbox/relay-lease'
import {
  announce,
  leaseOf,
  makeFolders,
  processElsewhere,
  readyOf,
  recordPublished,
} from './outbox-folder.js'

/** As if a process in another PID namespace had taken the lease now. */
async function holdElsewhere(directory: string, broker: string): Promise<void> {
  const store = openStore(directory)
  const leases = store.table<object, string>('relay-leases')
  const renewedAtMs = Number(process.hrtime.bigint() / 1_000_000n)
  await store.write(() => {
    leases.put(brokerKey(broker), { epoch: 100, holder: processElsewhere, renewedAtMs })
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
