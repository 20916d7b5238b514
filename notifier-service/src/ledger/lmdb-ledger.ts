import { processName } from '@herald/runtime'
import { openStore, StoreError } from '@herald/runtime/store'
import { type DigestRule, defaultRule } from './lanes.js'
import type { Ledger, NamedMail } from './ledger.js'
import { createLmdbLanes } from './lmdb-lanes.js'
import { createLmdbMails, isHolderAlive, keyOf, type MailKey } from './lmdb-mails.js'
import { type EventRef, MailNotFree } from './mail-record.js'
import { begunBy, isFinal, isTaken, mergeRecord, reopened, settled } from './mail-states.js'
import { upgradeLedger } from './upgrade-ledger.js'

const checkBytes = 64 * 1024

/** A final outcome that is not announced yet. */
interface UnannouncedOutcome {
  readonly event: EventRef
  /** The record's: a mail that was reopened has another outcome later. */
  readonly updatedAt: number
  /** Absent if 0.1.0 wrote it. */
  readonly holder?: string
}

export interface LmdbLedgerOptions {
  readonly directory: string
  /** The name of the process that opens it. Default: this process. */
  readonly holder?: string
  /** When the events of a run become a mail. */
  readonly digests?: DigestRule
}

/**
 * The ledger in a folder of a local disk, for the notifiers of one machine. Upgrades what 0.1.0
 * wrote. Each method is one transaction; those that wait at the same time share a sync.
 * Rejects with StoreError if the folder cannot be used.
 */
export async function openLmdbLedger({
  directory,
  holder = processName,
  digests = defaultRule,
}: LmdbLedgerOptions): Promise<Ledger> {
  const store = openStore(directory)
  try {
    await upgradeLedger(store, directory)
  } catch (error) {
    await store.close()
    throw error
  }
  const mails = createLmdbMails(store, holder)
  const lanes = createLmdbLanes(store, holder, mails, digests)
  const unannounced = store.table<UnannouncedOutcome, MailKey>('unannounced')
  const checks = store.table<Uint8Array, string>('checks', 'binary')
  const listeners = new Set<() => void>()

  return {
    lanes,
    now: Date.now,
    find: async (event) => mails.find(keyOf(event)),
    findById: async (eventId) => mails.findById(eventId),
    findByConversion: async (conversionId) => mails.findByConversion(conversionId),

    async pendingOutcomes(limit, isWanted = () => true) {
      const pending: NamedMail[] = []
      for (const { key, value } of unannounced.entries()) {
        if (pending.length === limit) break
        if (value.holder !== holder && isHolderAlive(value.holder)) continue
        const record = mails.get(key)
        // A mail that was reopened since will have another outcome.
        if (!record || !isFinal(record)) continue
        const outcome = { event: value.event, record }
        if (isWanted(outcome)) pending.push(outcome)
      }
      return pending
    },

    onOutcome(listener) {
      listeners.add(listener)
      return () => void listeners.delete(listener)
    },

    markAnnounced: (outcomes) =>
      store.write(() => {
        for (const { event, record } of outcomes) {
          const key = keyOf(event)
          // A mail that was reopened and settled again has another outcome to announce.
          if (unannounced.get(key)?.updatedAt === record.updatedAt) unannounced.remove(key)
        }
      }),

    async begin(event, mail) {
      const key = keyOf(event)
      const name = String(key)
      let began = false
      try {
        await store.write(() => {
          const before = mails.find(key)
          if (before && isTaken(before)) throw new MailNotFree(before.state)
          const record = begunBy(holder, mergeRecord(mail, before, Date.now()))
          mails.put(key, record, before)
          mails.ownAttempts.set(name, record)
          began = true
        })
        // This process holds it as long as it lives.
        return () => true
      } catch (error) {
        if (began) mails.ownAttempts.delete(name)
        throw error
      }
    },

    async settle(event, mail, settlement) {
      const key = keyOf(event)
      const name = String(key)
      try {
        const record = await store.write(() => {
          // No other holder changes the attempts of this one.
          const own = mails.ownAttempts.get(name)
          const before = own ?? mails.find(key)
          if (before && !own && isTaken(before)) throw new MailNotFree(before.state)
          const after = settled(mergeRecord(mail, before, Date.now()), settlement)
          mails.put(key, after, before)
          if (isFinal(after)) unannounced.put(key, { event, updatedAt: after.updatedAt, holder })
          return after
        })
        mails.ownAttempts.delete(name)
        if (isFinal(record)) for (const listener of listeners) listener()
        return record
      } catch (error) {
        if (!(error instanceof StoreError)) mails.ownAttempts.delete(name)
        throw error
      }
    },

    reopen(event, replay, mail) {
      const key = keyOf(event)
      return store.write(() => {
        const record = mails.find(key)
        if (record?.state !== 'failed' || record.replay === replay) return record
        const { possiblyDelivered } = record
        const alone = mails.detachFromDigest(key)
          ? {
              ...mergeRecord(mail, undefined, Date.now()),
              ...(possiblyDelivered && { possiblyDelivered }),
            }
          : record
        const tried = reopened(alone, replay, Date.now())
        mails.put(key, tried, record)
        return tried
      })
    },

    markDeadLettered: (event) =>
      store.write(() => mails.change(event, { deadLetteredAt: Date.now() })),

    adjustToClock: () => lanes.adjustToClock(),

    prune: (before) => mails.prune(before, (key) => void unannounced.remove(key)),

    async check() {
      // What is put and removed leaves room in the file that a full disk cannot take back.
      await store.write(() => checks.put('check', Buffer.alloc(checkBytes, 1)))
      await store.write(() => void checks.remove('check'))
    },

    close: () => store.close(),
  }
}
