import { randomUUID } from 'node:crypto'
import { HeraldError } from '@herald/proto'
import { isAlive, type Logger, thisProcess } from '@herald/runtime'
import { v7 } from 'uuid'
import type { Published } from './broker.js'
import { checkAnnouncement } from './check-announcement.js'
import { Handed } from './handed.js'
import type { RelayableOutbox } from './outbox.js'
import { createLease } from './outbox-lease.js'
import type { EntryRecord, Records } from './outbox-records.js'
import { toEntry, toReceipt } from './outbox-views.js'
import { isComplete, placeFiles, removeTemporary, withdrawFiles } from './place-files.js'
import { untilKnown } from './until-known.js'

/** The outbox on its records; closes them when it is closed. */
export function createOutbox(records: Records, logger: Logger): RelayableOutbox {
  const listeners = new Set<() => void>()
  /** Entries of dead processes that this outbox took over and could not settle yet. */
  const adopted = new Set<string>()
  const handed = new Handed(records, logger)
  const placing = new Map<string, Promise<void>>()
  let stopBell: (() => void) | undefined
  let settling: Promise<void> | undefined
  let closed = false

  const tell = () => {
    for (const listener of listeners) listener()
  }

  const listen = (heard: () => void) => {
    listeners.add(heard)
    stopBell ??= records.bell.listen(tell, { pollMs: 500 })
    return () => void listeners.delete(heard)
  }

  /** Where it went; undefined where nobody knows; null while it is yet to be published. */
  const fate = (id: string): Published[] | undefined | null => {
    if (closed) return undefined
    const acknowledged = handed.acknowledged(id)
    if (acknowledged) return [...acknowledged]
    if (handed.has(id)) return null
    if (records.prepared.get(id) !== undefined || records.ready.get(id) !== undefined) return null
    const receipt = records.receipts.get(id)
    return receipt && [...receipt.published]
  }

  const makeReady = async (id: string) => {
    await records.markReady(id)
    records.bell.ring()
  }

  const drop = async (id: string, { files }: EntryRecord['announcement']) => {
    await withdrawFiles(files)
    await records.dropPrepared(id)
  }

  const placeOrDrop = async (id: string, { announcement }: EntryRecord) => {
    try {
      await placeFiles(announcement.files, announcement.overwrite === true)
    } catch (error) {
      if (error instanceof HeraldError && error.code === 'HERALD_FILE_EXISTS') {
        await drop(id, announcement)
      }
      throw error
    }
  }

  const place = async (id: string) => {
    if (handed.has(id)) return
    const record = records.prepared.get(id)
    if (record === undefined) {
      // Published already counts as placed: the relay may have been quicker.
      if (fate(id) === undefined) throw new Error(`the outbox holds no entry ${id}`)
      return
    }
    await placeOrDrop(id, record)
    const removed = removeTemporary(record.announcement.files)
    if (handed.taken) {
      handed.add(id, record)
      tell()
    } else await makeReady(id)
    await removed
  }

  const settleEntry = async (id: string, record: EntryRecord) => {
    if (!adopted.has(id) && !(await records.adopt(id))) return
    adopted.add(id)
    const { files, label } = record.announcement
    try {
      const complete = await Promise.all(files.map(isComplete))
      if (complete.includes(false)) {
        await drop(id, record.announcement)
        logger.warn({ entry: id, label }, 'dropped an announcement: its file was never completed')
      } else {
        await placeOrDrop(id, record)
        await removeTemporary(files)
        await makeReady(id)
        logger.info({ entry: id }, 'settled what an earlier process left')
      }
      adopted.delete(id)
    } catch (error) {
      if (error instanceof HeraldError && error.code === 'HERALD_FILE_EXISTS') {
        adopted.delete(id)
        logger.warn({ entry: id, label }, 'dropped an announcement: its name was taken meanwhile')
      } else {
        logger.warn({ err: error, entry: id, label }, 'could not settle an announcement yet')
      }
    }
  }

  const settleAll = async () => {
    for (const { key, value } of [...records.prepared.entries()]) {
      if (adopted.has(key) || !isAlive(value.owner)) await settleEntry(key, value)
    }
  }

  return {
    listen,

    async prepare(announcement) {
      const checked = checkAnnouncement(announcement)
      const id = v7()
      const state = checked.files.length === 0 ? 'ready' : 'prepared'
      await records.add(id, state, {
        announcement: checked,
        createdAtMs: Date.now(),
        attempts: 0,
        lastFault: null,
        owner: thisProcess,
        notBeforeMs: 0,
      })
      if (state === 'ready') records.bell.ring()
      return id
    },

    place(id) {
      const placed = placing.get(id) ?? place(id).finally(() => placing.delete(id))
      placing.set(id, placed)
      return placed
    },

    async abandon(id) {
      const record = records.prepared.get(id)
      if (record !== undefined && !handed.has(id)) await drop(id, record.announcement)
    },

    entries() {
      const placed = (id: string) => (handed.has(id) ? 'ready' : 'prepared')
      return [
        ...Array.from(records.prepared.entries(), ({ key, value }) =>
          toEntry(key, placed(key), value),
        ),
        ...Array.from(records.ready.entries(), ({ key, value }) => toEntry(key, 'ready', value)),
      ]
        .filter(({ id }) => handed.acknowledged(id) === undefined)
        .sort((a, b) => (a.id < b.id ? -1 : 1))
    },

    published: (id, timeoutMs) => untilKnown(() => fate(id), { listen, timeoutMs }),

    *receipts() {
      for (const { key, value } of records.receipts.entries({ reverse: true })) {
        yield toReceipt(key, value)
      }
    },

    async acquireLease() {
      const token = randomUUID()
      return (await records.takeLease(token))
        ? createLease(records, token, handed, tell)
        : undefined
    },

    settle() {
      settling ??= settleAll().finally(() => {
        settling = undefined
      })
      return settling
    },

    async close() {
      closed = true
      stopBell?.()
      for (const listener of listeners) listener()
      await settling?.catch(() => {})
      await handed.markReady()
      await records.close()
    },
  }
}
