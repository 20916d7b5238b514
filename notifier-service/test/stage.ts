import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Broker, type Delivery, openBroker } from '@herald/broker'
import { silentLogger } from '@herald/runtime'
import { afterEach, beforeEach } from 'vitest'
import { type NotifierProcess, startNotifier } from './notifier-process.js'

/** A data folder with a broker in it, and the notifiers started on it; all gone after each test. */
export interface Stage {
  readonly broker: string
  start(env?: Record<string, string>): Promise<NotifierProcess>
  /** Everything that lies in the dead letters, as it comes. */
  deadLetters(): Promise<Delivery[]>
  /** Runs after the test, the last deferred first. */
  defer(close: () => unknown): void
}

export function useStage(): Stage {
  let data = ''
  let closers: (() => unknown)[] = []

  beforeEach(async () => {
    data = await mkdtemp(join(tmpdir(), 'herald-notifier-'))
    closers = [() => rm(data, { recursive: true, force: true })]
  })
  afterEach(async () => {
    for (const close of closers.reverse()) await close()
  })

  const stage: Stage = {
    get broker() {
      return `embedded:${join(data, 'broker')}`
    },
    async start(env = {}) {
      const notifier = await startNotifier({
        HERALD_BROKER: stage.broker,
        HERALD_DATA: data,
        ...env,
      })
      closers.push(() => notifier.stop('SIGKILL'))
      return notifier
    },
    async deadLetters() {
      const found: Delivery[] = []
      const broker: Broker = await openBroker(stage.broker, { logger: silentLogger })
      closers.push(() => broker.close())
      await broker.subscribe(
        { topic: 'notifications.dead-letter', group: 'test' },
        async (delivery) => void found.push(delivery),
      )
      return found
    },
    defer: (close) => void closers.push(close),
  }
  return stage
}
