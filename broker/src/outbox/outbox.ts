import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { HeraldError } from '@herald/proto'
import { type Logger, thisProcess } from '@herald/runtime'
import { processState } from '@herald/runtime/process-identity'
import { openStore } from '@herald/runtime/store'
import { v7 } from 'uuid'
import type { PublishedPosition } from '../broker.js'
import { brokerName } from '../broker-name.js'
import { messageBytes } from '../check-request.js'
import { OutboxChanges } from './outbox-changes.js'
import {
  type Announcement,
  checkAnnouncement,
  eventOf,
  type OutboxEntry,
  type OutboxEvent,
} from './outbox-entry.js'
import { OutboxStore } from './outbox-store.js'
import { foldersOf, placeFiles, removeTemporary, withdrawFiles } from './place-files.js'
import { settlePrepared } from './settle-prepared.js'

export type {
  Announcement,
  EntryState,
  OutboxEntry,
  OutboxEvent,
  OutboxFile,
} from './outbox-entry.js'

/** Whether an outbox was ever opened in `directory`. */
export const outboxExists = (directory: string): boolean =>
  existsSync(join(directory, 'store', 'data.mdb'))

export interface OutboxOptions {
  /** The URL of the broker that announcements prepared here are for. */
  readonly broker: string
  readonly logger: Logger
}

/** Thrown if a running process is placing the entry's files. */
export class OutboxEntryInUse extends Error {
  override readonly name = 'OutboxEntryInUse'

  constructor(pid: number) {
    super(`process ${pid} is putting its files in place`)
  }
}

export interface FoundEvent {
  readonly event: OutboxEvent
  readonly entry: OutboxEntry
  /** Undefined if it is not published. */
  readonly publishedTo: PublishedPosition | undefined
}

/**
 * Opens the outbox in `directory`, a folder of a local disk, made if absent. The caller closes it,
 * after the relay that works on it. Rejects with StoreError if the folder cannot be written.
 */
export async function openOutbox(directory: string, options: OutboxOptions): Promise<Outbox> {
  const broker = brokerName(options.broker)
  return new Outbox(await OutboxStore.open(openStore(directory), broker), broker, options.logger)
}

/**
 * The announcements of one machine, durable until they are published and shared by its processes.
 * The caller completes and syncs the temporary files; `prepare` adds an entry; `place` gives the files
 * their final names, syncs their folder and marks the entry ready; a relay publishes it. After a crash
 * in between, `settle` continues.
 */
export class Outbox {
  /** For the relay. */
  readonly store: OutboxStore
  readonly #broker: string
  readonly #logger: Logger
  /** Ids of entries that this process placed and could not mark ready: `settle` tries again. */
  readonly #placedNotReady = new Set<string>()
  readonly #changes: OutboxChanges
  #closed = false

  constructor(store: OutboxStore, broker: string, logger: Logger) {
    this.store = store
    this.#changes = new OutboxChanges(store)
    this.#broker = broker
    this.#logger = logger
  }

  /**
   * Resolves to the entry's id once the entry is synced. If there is an entry of that id, published
   * or not, nothing is added. Rejects with TypeError for an
   * announcement that cannot be carried out, BROKER_MESSAGE_TOO_LARGE for a message that no broker
   * would accept.
   */
  async prepare(announcement: Announcement): Promise<string> {
    const { messages, ...checked } = checkAnnouncement(announcement)
    const { id = v7() } = announcement
    if (announcement.id !== undefined && this.store.get(id)) return id
    const entry: OutboxEntry = {
      ...checked,
      id,
      state: { kind: checked.files.length === 0 ? 'ready' : 'prepared' },
      broker: this.#broker,
      folders: await foldersOf(checked.files),
      bytes: messages.reduce((sum, message) => sum + messageBytes(message), 0),
      events: messages.map(eventOf),
      createdAtMs: Date.now(),
      attempts: 0,
      lastError: undefined,
      owner: thisProcess,
    }
    await this.store.add(entry, messages)
    return entry.id
  }

  /**
   * Gives the files their final names (replacing files only with `overwrite`), syncs, and marks the
   * entry ready. Rejects with HERALD_FILE_EXISTS if a name is taken by other content; then nothing is
   * announced, the entry is dropped and its temporary files are removed. After any other error the
   * entry stays prepared: place it again or abandon it.
   */
  async place(id: string): Promise<void> {
    const entry = this.store.get(id)
    if (entry === undefined) throw new Error(`The outbox has no entry ${id}.`)
    if (entry.state.kind !== 'prepared') return
    try {
      await placeFiles(entry.files, entry.overwrite)
    } catch (error) {
      if (error instanceof HeraldError && error.code === 'HERALD_FILE_EXISTS') {
        await this.abandon(id)
      }
      throw error
    }
    const removed = removeTemporary(entry.files)
    try {
      await this.store.markReady(id)
    } catch (error) {
      this.#placedNotReady.add(id)
      throw error
    }
    await removed
  }

  /** Removes a prepared entry, its temporary files, and those that were placed already. */
  async abandon(id: string): Promise<void> {
    const entry = this.store.get(id)
    if (entry?.state.kind !== 'prepared') return
    await withdrawFiles(entry.files)
    await this.store.drop(id, 'prepared')
  }

  /**
   * Removes an entry that is not published, whatever its state: it will not be announced, unless a
   * relay is sending it at this moment. Final files stay, temporary ones are removed. Resolves to
   * whether there was such an entry. Rejects with OutboxEntryInUse.
   */
  async drop(id: string): Promise<boolean> {
    const entry = this.store.get(id)
    if (entry === undefined || entry.state.kind === 'published') return false
    if (entry.state.kind === 'prepared') {
      if (processState(entry.owner) === 'running') throw new OutboxEntryInUse(entry.owner.pid)
      await removeTemporary(entry.files)
    }
    return this.store.drop(id)
  }

  /** The entry if it is not published, or was within the last 7 days. Reads one record of the store. */
  entry(id: string): OutboxEntry | undefined {
    return this.#closed ? undefined : this.store.get(id)
  }

  /** All that are not published, in the order of publishing; of all brokers. */
  entries(): OutboxEntry[] {
    return [...this.store.unpublished()]
  }

  /** Every event with that `ce_id` or `ce_subject`, published or not, by their ids. Walks all entries. */
  findEvents(id: string): FoundEvent[] {
    const found: FoundEvent[] = []
    for (const entry of [...this.store.unpublished(), ...this.store.published()]) {
      entry.events.forEach((event, at) => {
        if (event.id !== id && event.subject !== id) return
        const { state } = entry
        found.push({
          event,
          entry,
          publishedTo: state.kind === 'published' ? state.to[at] : undefined,
        })
      })
    }
    return found.sort((a, b) => (a.event.id < b.event.id ? -1 : 1))
  }

  /**
   * Resolves to the positions of its messages once any process has published the entry; to undefined
   * after `timeoutMs`, at `close`, or if there is no such entry.
   */
  async untilPublished(
    id: string,
    timeoutMs: number,
  ): Promise<readonly PublishedPosition[] | undefined> {
    let isTimedOut = false
    let timer: NodeJS.Timeout | undefined
    const timeout = new Promise<void>((resolve) => {
      timer = setTimeout(() => {
        isTimedOut = true
        resolve()
      }, timeoutMs)
    })
    try {
      for (;;) {
        const changed = this.changed()
        const state = this.entry(id)?.state
        if (state?.kind === 'published') return state.to
        if (state === undefined || isTimedOut) return undefined
        await Promise.race([changed, timeout])
      }
    } finally {
      clearTimeout(timer)
    }
  }

  /** Resolves when the outbox may have changed: after a write of any process, and within 500 ms. */
  changed(): Promise<void> {
    return this.#changes.next()
  }

  /** Continues what ended processes left prepared (`settlePrepared`). Resolves to the number of entries left. */
  settle(): Promise<number> {
    return settlePrepared(this.store, this.#logger, this.#placedNotReady)
  }

  async close(): Promise<void> {
    if (this.#closed) return
    this.#closed = true
    this.#changes.close()
    await this.store.close()
  }
}
