import { HeraldError } from '@herald/proto'
import { type Logger, thisProcess } from '@herald/runtime'
import { v7 } from 'uuid'
import { eventOf, messageBytes } from './announcement-events.js'
import { checkAnnouncement } from './check-announcement.js'
import type { OutboxEntry, PublishState, RelayableOutbox } from './outbox.js'
import { createLease, type InProcess, markPlaced } from './outbox-lease.js'
import type { EntryRecord, Records } from './outbox-records.js'
import { foldersOf, placeFiles, removeTemporary, withdrawFiles } from './place-files.js'
import { createSettler } from './settle-prepared.js'

/** The outbox on its records, for announcements to that broker; closes them when it is closed. */
export function createOutbox(records: Records, broker: string, logger: Logger): RelayableOutbox {
  const settle = createSettler(records, logger)
  const placing = new Map<string, Promise<void>>()
  let change = deferred()
  let stopBell: (() => void) | undefined
  let settling: Promise<number> | undefined
  let closed = false

  const notify = () => {
    const { resolve } = change
    change = deferred()
    resolve()
  }
  const here: InProcess = { placed: new Map(), acknowledged: new Map(), relaying: false, notify }

  const changed = () => {
    stopBell ??= records.bell.listen(notify, { pollMs: 500 })
    return change.promise
  }

  const publishState = (id: string): PublishState => {
    if (closed) return { state: 'absent' }
    const acknowledged = here.acknowledged.get(id)
    if (acknowledged) return { state: 'published', published: acknowledged }
    // Those that wait here ask at each change: what this process knows needs no read.
    const entry = here.placed.get(id) ?? records.entries.get(id)
    if (entry) return { state: 'waiting', lastFault: entry.lastFault ?? undefined }
    const receipt = records.receipts.get(id)
    return receipt ? { state: 'published', published: receipt.published } : { state: 'absent' }
  }

  const drop = async (id: string, { files }: EntryRecord) => {
    await withdrawFiles(files)
    await records.dropPrepared(id)
  }

  const place = async (id: string) => {
    if (here.placed.has(id)) return
    const record = records.entries.get(id)
    if (record?.state !== 'prepared') {
      if (record === undefined && publishState(id).state === 'absent') {
        throw new Error(`the outbox has no entry ${id}`)
      }
      return
    }
    try {
      await placeFiles(record.files, record.overwrite)
    } catch (error) {
      if (error instanceof HeraldError && error.code === 'HERALD_FILE_EXISTS') {
        await drop(id, record)
      }
      throw error
    }
    const removed = removeTemporary(record.files)
    if (here.relaying && record.broker === broker) {
      here.placed.set(id, record)
      notify()
    } else {
      await records.markReady(id)
      records.bell.ring()
    }
    await removed
  }

  return {
    broker,
    publishState,
    changed,
    countReady: records.countReady,

    async prepare(announcement) {
      const { messages, ...checked } = checkAnnouncement(announcement)
      const id = v7()
      const state = checked.files.length === 0 ? 'ready' : 'prepared'
      const record = {
        ...checked,
        state,
        broker,
        folders: await foldersOf(checked.files),
        bytes: messageBytes(messages),
        events: messages.map(eventOf),
        createdAtMs: Date.now(),
        attempts: 0,
        lastFault: null,
        owner: thisProcess,
        notBeforeMs: 0,
      } as const
      await records.add(id, record, messages)
      if (state === 'ready') records.bell.ring()
      return id
    },

    place(id) {
      const placed = placing.get(id) ?? place(id).finally(() => placing.delete(id))
      placing.set(id, placed)
      return placed
    },

    async abandon(id) {
      const record = records.entries.get(id)
      if (record?.state === 'prepared' && !here.placed.has(id)) await drop(id, record)
    },

    entries() {
      const all = Array.from(records.entries.entries(), ({ key, value }) =>
        toEntry(key, here.placed.has(key) ? { ...value, state: 'ready' } : value),
      )
      return all.filter(({ id }) => !here.acknowledged.has(id))
    },

    async published(id, timeoutMs) {
      let late = false
      const timeout = deferred()
      const timer = setTimeout(() => {
        late = true
        timeout.resolve()
      }, timeoutMs)
      try {
        for (;;) {
          const next = changed()
          const now = publishState(id)
          if (now.state !== 'waiting') return now.state === 'published' ? now.published : undefined
          if (late) return undefined
          await Promise.race([next, timeout.promise])
        }
      } finally {
        clearTimeout(timer)
      }
    },

    receipts: () => records.receipts.latestFirst(),

    async acquireLease() {
      const epoch = await records.leases.take()
      return epoch === undefined ? undefined : createLease(records, epoch, here)
    },

    settle() {
      settling ??= settle().finally(() => {
        settling = undefined
      })
      return settling
    },

    async close() {
      if (closed) return
      closed = true
      stopBell?.()
      notify()
      await settling?.catch(() => {})
      await markPlaced(records, here).catch((error: unknown) =>
        logger.warn({ err: error }, 'could not mark as ready what is placed; its files show it'),
      )
      await records.close()
    },
  }
}

function deferred() {
  let resolve = () => {}
  const promise = new Promise<void>((settle) => {
    resolve = settle
  })
  return { promise, resolve }
}

function toEntry(id: string, record: EntryRecord): OutboxEntry {
  const { state, broker, topic, label, files, bytes, events, attempts, notBeforeMs } = record
  return {
    ...{ id, state, broker, topic, label, files, bytes, events, attempts },
    createdAt: new Date(record.createdAtMs),
    lastFault: record.lastFault ?? undefined,
    notBefore: notBeforeMs === 0 ? undefined : new Date(notBeforeMs),
  }
}
