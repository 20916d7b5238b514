import { isAlive, isSameProcess, type ProcessIdentity, thisProcess } from '@herald/runtime'
import { openStore, StoreError } from '@herald/runtime/store'
import type { DigestRule } from './gathering.js'
import { type Ledger, MailNotFree, type MailRecord, type PendingOutcome } from './ledger.js'
import { createLmdbGathering } from './lmdb-gathering.js'
import { createLmdbLanes } from './lmdb-lanes.js'
import { createMailRows, keyOf, type MailKey } from './mail-rows.js'
import { begunBy, fresh, isFinal, isTaken, reopenedRecord, settled } from './mail-states.js'
import { createAges, createPruning } from './pruning.js'
import { createTogether } from './together.js'

/** Accepted mails that are kept in memory until they are announced; beyond that they are read again. */
const mostKept = 2000
const checkBytes = 64 * 1024
const gatheringReply = 'others of its run are still to come'

/** `at`: the record's `updatedAt`, which tells one outcome of a mail from another. */
type OutcomeRow = readonly [id: string, source: string, at: number, pid: number, startedAt: string]

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
  latestMs: 15 * 60_000,
  maxEvents: 500,
  maxBytes: 16 * 1024 ** 2,
}

/** Throws StoreError where the folder cannot be used. */
export function openLmdbLedger({
  directory,
  self = thisProcess,
  digests = defaultRule,
}: LmdbLedgerOptions): Ledger {
  const store = openStore(directory)
  const together = createTogether(store)
  const ages = createAges(store)
  const mails = createMailRows(store, self, ages)
  const outcomes = store.table<OutcomeRow, MailKey>('unannounced')
  const checks = store.table<Uint8Array, string>('checks', 'binary')
  const listeners = new Set<() => void>()
  /** What this process has settled and not announced: it need not be read again, for it is never reopened. */
  const accepted = new Map<string, MailRecord>()

  const lanes = createLmdbLanes(store, self, {
    enter: (event, mail, lane, nextAttemptAt) =>
      mails.wait(event, mail, { lane, nextAttemptAt, deferredSince: Date.now() }),
    leave: (event) => mails.change(event, { lane: undefined }),
  })

  const gathering = createLmdbGathering(store, digests, {
    gather: ({ event, mail, lane }, nextAttemptAt) =>
      mails.wait(event, mail, { lane, nextAttemptAt, state: 'gathering', reply: gatheringReply }),
    single(lane, only) {
      mails.change(only.event, { state: 'deferred', reply: '', nextAttemptAt: undefined })
      lanes.putLast(lane, only)
    },
    digest({ lane, run, from, next }, events) {
      const ref = mails.join(events.map(({ event }) => event))
      if (ref !== undefined) lanes.putLast(lane, { ref, run, from, to: next })
    },
  })

  return {
    lanes,

    gathering,

    find: (event) => mails.find(keyOf(event)),

    findById: (eventId) => mails.findById(eventId),

    findByConversion: (conversionId) => mails.findByConversion(conversionId),

    pendingOutcomes(limit, wanted = () => true) {
      const pending: PendingOutcome[] = []
      for (const { key, value } of outcomes.entries()) {
        if (pending.length === limit) break
        const [id, source, , pid, startedAt] = value
        const holder = { pid, startedAt }
        if (!isSameProcess(holder, self) && isAlive(holder)) continue
        const record = accepted.get(nameOf(key)) ?? mails.table.get(key)
        // One that was reopened since will have another outcome.
        if (!record || !isFinal(record)) continue
        const outcome = { event: { id, source }, record }
        if (wanted(outcome)) pending.push(outcome)
      }
      return pending
    },

    onOutcome(listener) {
      listeners.add(listener)
      return () => void listeners.delete(listener)
    },

    async outcomesTaken(taken) {
      await store.write(() => {
        for (const { event, record } of taken) {
          const key = keyOf(event)
          // One that was reopened and settled anew has another outcome to tell.
          if (outcomes.get(key)?.[2] === record.updatedAt) outcomes.remove(key)
        }
      })
      for (const { event } of taken) accepted.delete(nameOf(keyOf(event)))
    },

    async begin(event, mail) {
      const key = keyOf(event)
      const name = String(key)
      let taken = false
      try {
        await together(() => {
          const before = mails.find(key)
          if (before && isTaken(before)) throw new MailNotFree(before.state)
          const begun = begunBy(self, fresh(mail, before))
          mails.put(key, begun, before)
          mails.underWay.set(name, begun)
          taken = true
        })
      } catch (error) {
        if (taken) mails.underWay.delete(name)
        throw error
      }
    },

    async settle(event, mail, settlement) {
      const key = keyOf(event)
      const name = String(key)
      try {
        const record = await together(() => {
          // Only this process changes what it has under way.
          const ours = mails.underWay.get(name)
          const before = ours ?? mails.find(key)
          if (before && !ours && isTaken(before)) throw new MailNotFree(before.state)
          const after = settled(fresh(mail, before), settlement)
          mails.put(key, after, before)
          // In the same transaction: what is settled is announced, or kept to be.
          if (isFinal(after)) {
            const { pid, startedAt } = self
            outcomes.put(key, [event.id, event.source, after.updatedAt, pid, startedAt])
          }
          return after
        })
        mails.underWay.delete(name)
        if (record.state === 'accepted' && accepted.size < mostKept) {
          accepted.set(nameOf(key), record)
        }
        if (isFinal(record)) for (const listener of listeners) listener()
        return record
      } catch (error) {
        if (!(error instanceof StoreError)) mails.underWay.delete(name)
        throw error
      }
    },

    async reopen(event, replay, mail) {
      const key = keyOf(event)
      return store.write(() => {
        const record = mails.find(key)
        if (record?.state !== 'failed' || record.replay === replay) return record
        const { possiblyDelivered } = record
        const alone = mails.part(key) ? { ...fresh(mail, undefined), possiblyDelivered } : record
        const reopened = reopenedRecord(alone, replay)
        mails.put(key, reopened, record)
        return reopened
      })
    },

    async deadLettered(event) {
      await store.write(() => mails.change(event, { deadLetteredAt: Date.now() }))
    },

    async adjustToClock() {
      await lanes.adjustToClock()
      await gathering.adjustToClock()
    },

    prune: createPruning({
      store,
      mails,
      gathering,
      ages,
      onForgotten: (key) => void outcomes.remove(key),
    }),

    async check() {
      // What is put and removed leaves room in the file that a full disk cannot take back.
      await store.write(() => checks.put('check', Buffer.alloc(checkBytes, 1)))
      await store.write(() => checks.remove('check'))
    },

    close: () => store.close(),
  }
}

/** No source holds a space. */
const nameOf = ([id, source]: MailKey) => `${source} ${id}`
