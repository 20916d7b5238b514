import { setImmediate as nextTurn } from 'node:timers/promises'
import { HeraldError } from '@herald/proto'
import type { Logger } from '@herald/runtime'
import {
  isSameProcess,
  type ProcessState,
  processState,
  thisProcess,
} from '@herald/runtime/process-identity'
import type { EntryRecord, Records } from './outbox-records.js'
import { findFile, placeFiles, removeTemporary, withdrawFiles } from './place-files.js'

/** Entries looked at in one turn of the event loop: in an outage many wait. */
const maxPerTurn = 100

/** An entry of a process that cannot be judged is left to it for so long. */
const unknownOwnerMs = 60_000

/**
 * What continues the entries that other processes left prepared. Resolves, at each call, to the
 * number that it had to leave. One call at a time.
 */
export function createSettler(records: Records, logger: Logger): () => Promise<number> {
  /** Taken over by this process, and not settled yet. */
  const adopted = new Set<string>()

  const leave = async (id: string, record: EntryRecord, why: string) => {
    if (record.lastFault === why) return
    await records.noteWhyPrepared(id, why)
    logger.warn({ entry: id, label: record.label, fault: why }, 'kept an announcement')
  }

  /** Says whether it is settled. */
  const settle = async (id: string, record: EntryRecord, owner: ProcessState): Promise<boolean> => {
    const { files, label, overwrite } = record
    const found = await Promise.all(files.map((file) => findFile(file, record.folders)))
    const unseen = found.find((file) => file.state === 'unseen')
    if (unseen) {
      await leave(id, record, `cannot look for its file in ${unseen.folder}; is it mounted?`)
      return false
    }
    if (found.some(({ state }) => state === 'missing')) {
      if (owner === 'unknown') {
        await leave(id, record, unknownOwner(record))
        return false
      }
      await withdrawFiles(files)
      await records.dropPrepared(id)
      logger.warn({ entry: id, label }, 'dropped an announcement: its file was never completed')
      return true
    }
    try {
      await placeFiles(files, overwrite)
    } catch (error) {
      if (!(error instanceof HeraldError && error.code === 'HERALD_FILE_EXISTS')) throw error
      await withdrawFiles(files)
      await records.dropPrepared(id)
      logger.warn({ entry: id, label }, 'dropped an announcement: its name was taken meanwhile')
      return true
    }
    await removeTemporary(files)
    await records.markReady(id)
    records.bell.ring()
    logger.info({ entry: id }, 'settled what an earlier process left')
    return true
  }

  /** What this process may do with it; undefined: it is another's that lives, or its own. */
  const ownerOf = async (id: string, record: EntryRecord): Promise<ProcessState | undefined> => {
    if (adopted.has(id)) return 'dead'
    const owner = processState(record.owner)
    if (owner === 'alive') return undefined
    if (owner === 'unknown') {
      if (Date.now() - record.createdAtMs > unknownOwnerMs) return owner
      await leave(id, record, unknownOwner(record))
      return undefined
    }
    if (!(await records.adopt(id, record.owner))) return undefined
    adopted.add(id)
    return owner
  }

  return async () => {
    let left = 0
    let looked = 0
    for (const { key: id } of records.preparedIds()) {
      looked += 1
      if (looked % maxPerTurn === 0) await nextTurn()
      const record = records.entries.get(id)
      if (record?.state !== 'prepared') continue
      if (isSameProcess(record.owner, thisProcess) && !adopted.has(id)) continue
      try {
        const owner = await ownerOf(id, record)
        if (owner === undefined) {
          if (processState(record.owner) === 'unknown') left += 1
        } else if (await settle(id, record, owner)) adopted.delete(id)
        else left += 1
      } catch (error) {
        left += 1
        const why = error instanceof Error ? error.message : String(error)
        await leave(id, record, `cannot be put in place: ${why}`).catch(() => {})
      }
    }
    return left
  }
}

const unknownOwner = ({ owner }: EntryRecord) =>
  `process ${owner.pid} of another container or machine is placing its file, or was`
