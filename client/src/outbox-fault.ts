import { HeraldError } from '@herald/proto/errors'
import { shown } from '@herald/runtime/terminal-text'

/** The fault of an outbox that cannot be opened or written; what is none is returned as it is. */
export function outboxFault(error: unknown): unknown {
  if (!(error instanceof Error) || error.name !== 'StoreError') return error
  const { code } = error as { code?: unknown }
  const remedy = 'No file was put in place. HERALD_DATA names the folder of the outbox.'
  const options = { remedy, cause: error }
  if (code === 'STORE_FULL')
    return new HeraldError('HERALD_DISK_FULL', shown(error.message), options)
  return new HeraldError('HERALD_CANNOT_WRITE', shown(error.message), options)
}
