import { humanDuration } from '@herald/runtime/terminal-text'
import { brokerServer, startOwnStack } from './own-stack.js'
import { StackError } from './readiness.js'
import { findRunningStack } from './running-stack.js'
import type { Stack, StackAddresses } from './stack.js'

/** The stack to work with. */
export interface StackInUse {
  readonly addresses: StackAddresses & { readonly inbox: string }
  /** For a person: which stack this is. */
  readonly description: string
  /** The stack that was started for this call; the caller stops it. */
  readonly own: Stack | undefined
}

/**
 * The stack that `npm start` runs with that data folder, if its mail can be read; else a new one.
 * It is found by its record, since its ports may belong to another program. If HERALD_BROKER names
 * another server than its broker, a new one is started on that.
 */
export async function findStack(
  env: NodeJS.ProcessEnv,
  { data, onlyOwn, signal }: { data: string; onlyOwn: boolean; signal: AbortSignal },
): Promise<StackInUse> {
  const running = onlyOwn ? undefined : findRunningStack(data)
  const inbox = running?.addresses.inbox
  const wanted = brokerServer(env) ?? running?.addresses.broker
  if (running && inbox && running.addresses.broker === wanted) {
    return {
      addresses: { ...running.addresses, inbox },
      description: `the one that npm start runs (process ${running.process.pid})`,
      own: undefined,
    }
  }
  const startedAt = performance.now()
  const stack = await startOwnStack(env, { signal })
  const { inbox: ownInbox } = stack.addresses
  if (ownInbox === undefined) throw new StackError('The inbox did not report its address.')
  const took = humanDuration(performance.now() - startedAt)
  return {
    addresses: { ...stack.addresses, inbox: ownInbox },
    description: `a new one, ready after ${took}, stopped at the end`,
    own: stack,
  }
}
