import { humanDuration } from '@herald/runtime/terminal-text'
import { startOwnStack } from './own-stack.js'
import { StackError } from './readiness.js'
import { findRunningStack } from './running-stack.js'
import type { Stack, StackAddresses } from './stack.js'

/** The stack to work with. */
export interface StackInUse {
  readonly addresses: StackAddresses & { readonly inbox: string }
  /** For a person: which stack this is. */
  readonly description: string
  /** The stack that was started for this, to be stopped afterwards. */
  readonly own: Stack | undefined
}

/**
 * The stack that `npm start` runs with that data folder, where its mail can be read; else one of
 * our own. It is found by its record, for its ports may be another program's.
 */
export async function findStack(
  env: NodeJS.ProcessEnv,
  { data, onlyOwn, signal }: { data: string; onlyOwn: boolean; signal: AbortSignal },
): Promise<StackInUse> {
  const running = onlyOwn ? undefined : findRunningStack(data)
  const inbox = running?.addresses.inbox
  if (running && inbox) {
    return {
      addresses: { ...running.addresses, inbox },
      description: `the one that npm start runs (process ${running.process.pid})`,
      own: undefined,
    }
  }
  const begun = performance.now()
  const stack = await startOwnStack(env, { signal })
  const { inbox: ownInbox } = stack.addresses
  if (ownInbox === undefined) throw new StackError('The inbox did not report its address.')
  const took = humanDuration(performance.now() - begun)
  return {
    addresses: { ...stack.addresses, inbox: ownInbox },
    description: `started for this, ready after ${took}, stopped at the end`,
    own: stack,
  }
}
