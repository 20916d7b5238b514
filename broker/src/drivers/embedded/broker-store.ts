import { realpathSync } from 'node:fs'
import { openStore, type Store } from '@herald/runtime/store'
import { EventLog } from './event-log.js'
import { Groups } from './groups.js'

/** What lies in the folder of an embedded broker. */
export interface BrokerStore {
  /** Absolute, without symbolic links. */
  readonly directory: string
  readonly store: Store
  readonly log: EventLog
  readonly groups: Groups
}

/** Opens it, made when absent. Throws StoreError. */
export function openBrokerStore(directory: string): BrokerStore {
  const store = openStore(directory)
  return {
    directory: realpathSync(directory),
    store,
    log: new EventLog(store),
    groups: new Groups(store),
  }
}
