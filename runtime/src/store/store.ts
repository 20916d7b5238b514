import { closeSync, fsyncSync, openSync, realpathSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { type Database, open, type RootDatabase } from 'lmdb'
import { createFolderSync } from '../create-folder.js'
import { type Bell, openBell } from './bell.js'
import type { Store, StoreKey, Table } from './store-contract.js'
import { OpenCursors, readEntries } from './store-cursor.js'
import { openError, requireStoreFile, StoreError, writeError } from './store-error.js'
import { StoreGate } from './store-gate.js'
import { gateIsClosed, WriteQueue } from './store-queue.js'

export type { Range, Store, StoreKey, Table } from './store-contract.js'
export { StoreError, type StoreErrorCode } from './store-error.js'

/** Shared by all handles on one folder: two environments of one process would deadlock. */
interface Environment {
  readonly root: RootDatabase
  readonly gate: StoreGate
  readonly queue: WriteQueue
  readonly tables: Map<string, Database>
  readonly cursors: OpenCursors
  handles: number
  /** After an error that is fatal to LMDB, a write would never settle. */
  fatal: StoreError | undefined
}

const environments = new Map<string, Environment>()

/** Opens the store in `directory`, created if absent. Throws StoreError. */
export function openStore(directory: string): Store {
  let environment: Environment
  let bell: Bell | undefined
  let path: string
  try {
    createFolderSync(directory)
    path = realpathSync(directory)
    bell = openBell(join(directory, 'bell'))
    environment = environments.get(path) ?? openEnvironment(path)
  } catch (error) {
    bell?.close()
    throw openError(directory, error)
  }
  const { root, gate, queue, tables, cursors } = environment
  environments.set(path, environment)
  environment.handles += 1
  let closed: Promise<void> | undefined
  const requireOpen = () => {
    if (closed) throw new StoreError('STORE_CLOSED', `The store in ${directory} is closed.`)
  }
  const commit = async <T>(change: () => T, enter: () => boolean): Promise<T> => {
    if (environment.fatal) throw environment.fatal
    try {
      // Only a child transaction rolls back alone if its callback throws.
      const { result } = await root.childTransaction(() => {
        if (!enter()) throw gateIsClosed
        return { result: cursors.duringWrite(() => requireSynchronous(change())) }
      })
      return result
    } catch (error) {
      if (error === gateIsClosed) throw error
      const failure = await writeError(directory, root, error)
      if (failure.fatal) environment.fatal ??= failure.error as StoreError
      throw failure.error
    }
  }

  return {
    bell,
    table<V, K extends StoreKey>(name: string, encoding: 'msgpack' | 'binary' = 'msgpack') {
      requireOpen()
      if (cursors.writing) throw new Error('table() cannot be called inside write().')
      let database = tables.get(`${encoding}:${name}`)
      if (!database) {
        try {
          database = gate.open(() => root.openDB({ name, encoding }))
        } catch (error) {
          throw openError(directory, error)
        }
        tables.set(`${encoding}:${name}`, database)
      }
      return tableOf<V, K>(database as Database<V, K>, cursors, requireOpen)
    },
    async write(change) {
      requireOpen()
      if (cursors.writing) throw new Error('write() cannot be called inside write().')
      return queue.add((enter) => commit(change, enter))
    },
    close() {
      closed ??= closeHandle(path, environment, bell)
      return closed
    },
  }
}

function openEnvironment(path: string): Environment {
  const isNew = !requireStoreFile(join(path, 'store', 'data.mdb'))
  const gate = new StoreGate(path)
  try {
    const root = gate.open(() => openLmdb(join(path, 'store')))
    if (isNew) syncFolders(join(path, 'store'), path, dirname(path))
    return {
      root,
      gate,
      queue: new WriteQueue(gate),
      tables: new Map(),
      cursors: new OpenCursors(),
      handles: 0,
      fatal: undefined,
    }
  } catch (error) {
    gate.close()
    throw error
  }
}

function openLmdb(path: string): RootDatabase {
  return open({
    path,
    maxDbs: 32,
    // With overlapping sync, writers in several processes lost acknowledged commits under kill -9.
    overlappingSync: false,
    // A cache would not see the writes of other processes.
    cache: false,
    // With it a failed commit rejects one more promise, which cannot be caught.
    eventTurnBatching: false,
  })
}

/** LMDB syncs its file, not its folders: after a power loss a new store could be missing. */
function syncFolders(...folders: string[]): void {
  if (process.platform === 'win32') return
  for (const folder of folders) {
    const file = openSync(folder, 'r')
    try {
      fsyncSync(file)
    } finally {
      closeSync(file)
    }
  }
}

async function closeHandle(path: string, environment: Environment, bell: Bell): Promise<void> {
  bell.close()
  await environment.queue.idle()
  environment.handles -= 1
  if (environment.handles > 0) return
  environments.delete(path)
  environment.cursors.release()
  await environment.root.close()
  environment.gate.close()
}

function requireSynchronous<T>(result: T): T {
  if (!(result instanceof Promise)) return result
  result.catch(() => {})
  throw new Error('The change passed to write() returned a promise: it must be synchronous.')
}

function tableOf<V, K extends StoreKey>(
  database: Database<V, K>,
  cursors: OpenCursors,
  requireOpen: () => void,
): Table<V, K> {
  // Outside a write, a read must not use the snapshot that an earlier one left open.
  const prepareRead = () => {
    if (cursors.writing) return
    requireOpen()
    database.resetReadTxn()
  }
  const prepareWrite = () => {
    if (!cursors.writing) throw new Error('put() and remove() can only be called inside write().')
  }
  return {
    get(key) {
      prepareRead()
      return database.get(key)
    },
    entries(range = {}) {
      const open = (part: object) => {
        prepareRead()
        return database.getRange(part)[Symbol.iterator]()
      }
      return { [Symbol.iterator]: () => readEntries<K, V>(open, range, cursors) }
    },
    count({ limit = Number.POSITIVE_INFINITY, ...range } = {}) {
      prepareRead()
      return Math.min(limit, database.getCount(range))
    },
    put(key, value) {
      prepareWrite()
      database.putSync(key, value)
    },
    remove(key) {
      prepareWrite()
      return database.removeSync(key)
    },
  }
}
