import { createHash, randomUUID } from 'node:crypto'
import { isAlive, isSameProcess, type ProcessIdentity, thisProcess } from '@herald/runtime'
import { openStore, StoreError } from '@herald/runtime/store'
import type { DigestRule } from './gathering.js'
import {
  type EventRef,
  type Ledger,
  type MailIdentity,
  MailNotFree,
  type MailRecord,
  type PendingOutcome,
} from './ledger.js'
import { createLmdbGathering } from './lmdb-gathering.js'
import { createLmdbLanes } from './lmdb-lanes.js'
import { cutShort, fresh, isFinal, isTaken, reopenedRecord, settled } from './mail-states.js'

/** The id first: a UUIDv7 grows with time, so the store grows at its end. */
type MailKey = [id: string, source: string]

/** An event that a digest tells of. */
interface Member {
  readonly digest: MailKey
  readonly conversionId: string | undefined
}

const checkBytes = 64 * 1024
const gatheringReply = 'it waits for the others of its run'

export interface LmdbLedgerOptions {
  readonly directory: string
  /** Who this process is. Default: this process. */
  readonly self?: ProcessIdentity
  /** When the events of a run become a mail. */
  readonly digests?: DigestRule
}

const defaultRule: DigestRule = {
  quietMs: 5000,
  maxMs: 60_000,
  maxEvents: 500,
  maxBytes: 16 * 1024 ** 2,
}

/** No event's source: that is a URI reference, which holds no space. */
const digestSource = () => `digest ${randomUUID()}`
const isDigest = ([, source]: MailKey) => source.startsWith('digest ')

/** Throws StoreError where the folder cannot be used. */
export function openLmdbLedger({
  directory,
  self = thisProcess,
  digests = defaultRule,
}: LmdbLedgerOptions): Ledger {
  const store = openStore(directory)
  const mails = store.table<MailRecord, MailKey>('mails')
  const members = store.table<Member, MailKey>('members')
  const conversions = store.table<MailKey, [conversion: string, id: string, source: string]>(
    'conversions',
  )
  const outcomes = store.table<{ event: EventRef; holder: ProcessIdentity }, MailKey>('outcomes')
  const checks = store.table<Uint8Array, string>('checks', 'binary')
  const listeners = new Set<() => void>()
  // Attempts of this process that are still under way: its own identity cannot tell it.
  const underWay = new Set<string>()

  const isHeld = (record: MailRecord, key: string) =>
    record.holder !== undefined &&
    (isSameProcess(record.holder, self) ? underWay.has(key) : isAlive(record.holder))

  function asOfNow(key: MailKey, record: MailRecord): MailRecord {
    if (record.state !== 'attempting' || isHeld(record, String(key))) return record
    return cutShort(record)
  }

  function find(key: MailKey): MailRecord | undefined {
    const named = mails.get(key) ? key : members.get(key)?.digest
    const record = named && mails.get(named)
    return record && asOfNow(named, record)
  }

  function put(key: MailKey, record: MailRecord): void {
    if (record.conversionId && !isDigest(key) && !mails.get(key)) {
      conversions.put([bounded(record.conversionId), ...key], key)
    }
    mails.put(key, record)
  }

  /** Lets the mail wait in the ledger, as `state` says why; whether it did already. */
  function wait(event: EventRef, mail: MailIdentity, state: Partial<MailRecord>): boolean {
    const key = keyOf(event)
    const before = find(key)
    if (before?.lane !== undefined) return true
    if (before && isTaken(before)) throw new MailNotFree(before.state)
    put(key, { ...fresh(mail, before), ...state })
    return false
  }

  const lanes = createLmdbLanes(store, self, {
    enter: (event, mail, lane, nextAttemptAt) =>
      wait(event, mail, { lane, nextAttemptAt, deferredSince: Date.now() }),
    leave(event) {
      const key = keyOf(event)
      const record = mails.get(key)
      if (record) mails.put(key, { ...record, lane: undefined })
    },
  })

  const gathering = createLmdbGathering(store, digests, {
    gather: ({ event, mail, lane }, nextAttemptAt) =>
      wait(event, mail, { lane, nextAttemptAt, state: 'gathering', reply: gatheringReply }),
    single(lane, only) {
      const key = keyOf(only.event)
      const record = mails.get(key)
      const alone = { state: 'deferred', reply: '', nextAttemptAt: undefined } as const
      if (record) mails.put(key, { ...record, ...alone })
      lanes.putLast(lane, only)
    },
    digest({ lane, run, from, next }, events) {
      const refs = events.map(({ event }) => event)
      const records = refs.map((event) => mails.get(keyOf(event)))
      const [[first], [head]] = [refs, records]
      if (first === undefined || head === undefined) return
      const ref = { id: first.id, source: digestSource() }
      const digest = keyOf(ref)
      const eventIds = refs.map(({ id }) => id)
      mails.put(digest, { ...fresh({ ...head, eventIds, events: refs }, undefined), lane })
      for (const [at, event] of refs.entries()) {
        mails.remove(keyOf(event))
        members.put(keyOf(event), { digest, conversionId: records[at]?.conversionId })
      }
      lanes.putLast(lane, { ref, run, from, to: next })
    },
  })

  function forget(key: MailKey, record: MailRecord): void {
    mails.remove(key)
    outcomes.remove(key)
    const forgetConversion = (of: MailKey, conversionId: string | undefined) => {
      if (conversionId) conversions.remove([bounded(conversionId), ...of])
    }
    if (!isDigest(key)) forgetConversion(key, record.conversionId)
    for (const member of (record.events ?? []).map(keyOf)) {
      const row = members.get(member)
      // One that was replayed alone has a mail of its own since.
      if (row === undefined || String(row.digest) !== String(key)) continue
      members.remove(member)
      forgetConversion(member, row.conversionId)
    }
  }

  return {
    lanes,

    gathering,

    find: (event) => find(keyOf(event)),

    findByConversion(conversionId) {
      const start = [bounded(conversionId), '']
      const end = [bounded(conversionId), '\uffff']
      return [...conversions.entries({ start, end })].flatMap(({ value }) => {
        const record = find(value)
        return record ? [{ event: { id: value[0], source: value[1] }, record }] : []
      })
    },

    pendingOutcomes(limit) {
      const pending: PendingOutcome[] = []
      for (const { key, value } of outcomes.entries()) {
        if (pending.length === limit) break
        if (!isSameProcess(value.holder, self) && isAlive(value.holder)) continue
        const record = mails.get(key)
        // One that was reopened since will have another outcome.
        if (record && isFinal(record)) pending.push({ event: value.event, record })
      }
      return pending
    },

    onOutcome(heard) {
      listeners.add(heard)
      return () => void listeners.delete(heard)
    },

    async outcomesTaken(taken) {
      await store.write(() => {
        for (const { event, record } of taken) {
          const key = keyOf(event)
          // One that was reopened and settled anew has another outcome to tell.
          const now = mails.get(key)
          const isSameOutcome =
            now?.updatedAt === record.updatedAt &&
            now.state === record.state &&
            now.replay === record.replay
          if (isSameOutcome) outcomes.remove(key)
        }
      })
    },

    findById(eventId) {
      const [id] = keyOf({ id: eventId, source: '' })
      const range = { start: [id, ''], end: [id, '\uffff'] }
      const keys = [...mails.entries(range), ...members.entries(range)].map(({ key }) => key)
      return keys.filter((key) => !isDigest(key)).flatMap((key) => find(key) ?? [])
    },

    async begin(event, mail) {
      const key = keyOf(event)
      let taken = false
      try {
        await store.write(() => {
          const record = find(key)
          if (record && isTaken(record)) throw new MailNotFree(record.state)
          put(key, {
            ...fresh(mail, record),
            state: 'attempting',
            holder: self,
            reply: '',
            nextAttemptAt: undefined,
          })
          underWay.add(String(key))
          taken = true
        })
      } catch (error) {
        if (taken) underWay.delete(String(key))
        throw error
      }
    },

    async settle(event, mail, settlement) {
      const key = keyOf(event)
      const ours = underWay.has(String(key))
      try {
        const record = await store.write(() => {
          const before = ours ? mails.get(key) : find(key)
          if (before && !ours && isTaken(before)) throw new MailNotFree(before.state)
          const after = settled(fresh(mail, before), settlement)
          put(key, after)
          // In the same transaction: what is settled is announced, or kept to be.
          if (isFinal(after)) outcomes.put(key, { event, holder: self })
          return after
        })
        underWay.delete(String(key))
        if (isFinal(record)) for (const listener of listeners) listener()
        return record
      } catch (error) {
        if (!(error instanceof StoreError)) underWay.delete(String(key))
        throw error
      }
    },

    async reopen(event, replay, mail) {
      const key = keyOf(event)
      return store.write(() => {
        const record = find(key)
        if (record?.state !== 'failed' || record.replay === replay) return record
        const alone = members.remove(key) ? fresh(mail, undefined) : record
        const reopened = reopenedRecord(alone, replay)
        mails.put(key, reopened)
        return reopened
      })
    },

    async deadLettered(event) {
      const key = keyOf(event)
      await store.write(() => {
        const record = mails.get(key)
        if (record) mails.put(key, { ...record, deadLetteredAt: Date.now() })
      })
    },

    async prune(before) {
      let pruned = 0
      let start: MailKey = ['', '']
      // In slices, so that neither the event loop nor the one writer waits for all of it.
      for (;;) {
        const slice = [...mails.entries({ start, limit: 1000 })]
        const isOld = (record: MailRecord | undefined) =>
          record !== undefined && record.updatedAt < before && record.lane === undefined
        const old = slice.filter(({ value }) => isOld(value))
        if (old.length > 0) {
          await store.write(() => {
            for (const { key } of old) {
              const record = mails.get(key)
              if (!record || !isOld(record)) continue
              forget(key, record)
            }
          })
          pruned += old.length
        }
        const last = slice.at(-1)
        if (slice.length < 1000 || !last) {
          await store.write(() => gathering.forget(before))
          return pruned
        }
        start = last.key
        await new Promise((resolve) => setImmediate(resolve))
      }
    },

    async check() {
      // What is put and removed leaves room in the file that a full disk cannot take back.
      await store.write(() => checks.put('check', Buffer.alloc(checkBytes, 1)))
      await store.write(() => checks.remove('check'))
    },

    close: () => store.close(),
  }
}

/** LMDB takes keys of at most 1,978 bytes; a stranger's source may be longer. */
function keyOf({ id, source }: EventRef): MailKey {
  return [bounded(id), bounded(source)]
}

function bounded(text: string): string {
  if (Buffer.byteLength(text) <= 512) return text
  return createHash('sha256').update(text).digest('hex')
}
