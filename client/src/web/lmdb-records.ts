import type { Message } from '@herald/broker'
import { isProcessRunning, parseProcessName, processName } from '@herald/runtime/process-identity'
import { openStore, type Table } from '@herald/runtime/store'
import { v7 as uuidv7 } from 'uuid'
import { type ConversionRecord, isOver, isUnpublished, type MailOutcome } from './record.js'
import { indexRecords } from './record-index.js'
import { type Attachments, maxTakenAtOnce, newToken, type Records, type Run } from './records.js'

interface StoredRun extends Run {
  readonly createdAtMs: number
  /** When an upload of it was last under way. */
  readonly activeAtMs?: number
}

interface Counted {
  readonly count: number
  /** By performance.now(). */
  readonly untilMs: number
}

const maxDeletedAtOnce = 500

/** How long an upload of a file that was ended or removed is refused: longer than one is retried. */
const endedKeptMs = 10 * 60_000

/** Records in a folder, for one instance. What a process that has ended held is left over. */
export async function openLmdbRecords(directory: string): Promise<Records> {
  const store = openStore(directory)
  const index = indexRecords(store)
  const previews = store.table<Uint8Array, string>('previews', 'binary')
  const messages = store.table<Message, string>('messages')
  const runs = store.table<StoredRun, string>('runs')
  const counts = new Map<string, Counted>()
  const ended = store.table<number, string>('ended')
  const settings = store.table<string, string>('settings')
  const instance = `${processName}-${newToken()}`
  const outcomes = store.table<MailOutcome, string>('outcomes')
  const installation = await store.write(() => {
    index.sumBytes()
    // An earlier version kept them apart from the records.
    for (const { key, value } of outcomes.entries()) {
      const record = index.get(index.tokenOf(key) ?? '')
      if (record) index.put({ ...record, mail: value })
      outcomes.remove(key)
    }
    const known = settings.get('instance') ?? newToken()
    settings.put('instance', known)
    return known
  })
  let tookOver = false

  const changeIf = (
    token: string,
    isAllowed: (record: ConversionRecord) => boolean,
    changesOf: (record: ConversionRecord) => Partial<ConversionRecord>,
    { preview, message }: Attachments = {},
  ) =>
    store.write(() => {
      const record = index.get(token)
      if (!record || !isAllowed(record)) return undefined
      const changed = { ...record, ...changesOf(record), updatedAtMs: Date.now() }
      index.put(changed)
      if (preview) previews.put(token, preview)
      if (message) messages.put(token, message)
      else if (!isUnpublished(changed)) messages.remove(token)
      return changed
    })
  /** Inside a write. */
  const hold = (record: ConversionRecord) => {
    const held = { ...record, holder: instance, isExpected: false, updatedAtMs: Date.now() }
    index.put(held)
    return held
  }
  const endedKey = (owner: string, key: string) => `${owner} ${key}`

  return {
    installation,
    instance,
    isShared: false,
    now: Date.now,
    get: async (token) => index.get(token),
    ofOwner: async (owner, limit = 1000) => index.ofOwner(owner, limit),
    ofRun: async (runToken) => index.ofRun(runToken),
    expired: async (beforeMs) => index.ended(beforeMs, maxTakenAtOnce).filter(isOver),
    deleted: async (beforeMs) => index.deleted(beforeMs, maxTakenAtOnce),
    preview: async (token) => previews.get(token),
    message: async (token) => messages.get(token),
    run: (runToken, owner) =>
      store.write(() => {
        const now = Date.now()
        const run = runs.get(runToken) ?? { runId: uuidv7(), owner, createdAtMs: now }
        runs.put(runToken, { ...run, activeAtMs: now })
        return run
      }),
    put: (record) => store.write(() => index.put(record)),
    change: (token, changes) =>
      changeIf(
        token,
        () => true,
        () => changes,
      ),
    finish: (token, changes, attachments) =>
      changeIf(
        token,
        (record) => !isOver(record) && record.holder === instance,
        () => changes,
        attachments,
      ),
    changeAnnouncement: (token, changes) =>
      changeIf(token, isUnpublished, ({ announcement }) => ({
        announcement: announcement && { ...announcement, ...changes },
      })),
    addOutcome: async (eventId, mail) => {
      const token = index.tokenOf(eventId)
      if (token === undefined) return undefined
      return changeIf(
        token,
        () => true,
        () => ({ mail }),
      )
    },
    remove: ({ token, owner, key }) =>
      store.write(() => {
        ended.put(endedKey(owner, key), Date.now())
        index.remove(token)
        previews.remove(token)
        messages.remove(token)
      }),

    takeExpected: (owner, key, forUpload) =>
      store.write(() => {
        const id = endedKey(owner, key)
        if (forUpload && ended.get(id) !== undefined) return 'ended'
        const record = index.expected(owner, key)
        if (!record) return undefined
        if (!forUpload) ended.put(id, Date.now())
        return hold(record)
      }),
    takeIdle: (pauseMs) =>
      store.write(() => {
        const idle = index.allExpected(maxTakenAtOnce).filter(({ runToken }) => {
          const { activeAtMs = 0 } = runs.get(runToken) ?? {}
          return activeAtMs < Date.now() - pauseMs
        })
        for (const { owner, key } of idle) ended.put(endedKey(owner, key), Date.now())
        return idle.map(hold)
      }),
    keepActive: (runTokens) =>
      store.write(() => {
        for (const token of runTokens) {
          const run = runs.get(token)
          if (run) runs.put(token, { ...run, activeAtMs: Date.now() })
        }
      }),
    async takeOver() {
      // Only an earlier process can have left something.
      if (tookOver) return []
      const left = index.all(
        (record) => (!isOver(record) || isUnpublished(record)) && !isHolderRunning(record.holder),
        maxTakenAtOnce,
      )
      tookOver = left.length < maxTakenAtOnce
      return left.length === 0 ? [] : store.write(() => left.map(hold))
    },

    async count(name, periodMs) {
      const now = performance.now()
      const known = counts.get(name)
      const { count, untilMs } =
        known && known.untilMs > now ? known : { count: 0, untilMs: now + periodMs }
      counts.set(name, { count: count + 1, untilMs })
      return { count: count + 1, leftMs: untilMs - now }
    },
    takeTurn: async () => true,
    deleteOlder: (beforeMs) =>
      store.write(() => {
        const now = Date.now()
        for (const [name, { untilMs }] of counts)
          if (untilMs < performance.now()) counts.delete(name)
        const removed = [
          removeWhere(runs, ({ createdAtMs }) => createdAtMs < beforeMs),
          removeWhere(ended, (atMs) => atMs < now - endedKeptMs),
        ]
        return removed.includes(maxDeletedAtOnce)
      }),
    bytesStored: async () => index.bytesStored(),

    follow() {},
    sendProgress() {},
    close: () => store.close(),
  }
}

/** Records of earlier versions name no holder. */
const isHolderRunning = (holder: string | undefined) =>
  holder !== undefined && isProcessRunning(parseProcessName(holder))

/** Removes at most `maxDeletedAtOnce`; returns how many. Inside a write. */
function removeWhere<V>(table: Table<V, string>, isOld: (value: V) => boolean): number {
  let removed = 0
  for (const { key, value } of table.entries()) {
    if (removed === maxDeletedAtOnce) break
    if (!isOld(value)) continue
    table.remove(key)
    removed += 1
  }
  return removed
}
