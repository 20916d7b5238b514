import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Broker, type Delivery, openBroker } from '@herald/broker'
import { silentLogger } from '@herald/runtime'
import { afterEach, beforeEach } from 'vitest'
import { type NotifierProcess, startNotifier } from './notifier-process.js'

/** A data folder with a broker in it, and the notifiers started on it; all gone after each test. */
export interface Stage {
  readonly data: string
  readonly broker: string
  start(env?: Record<string, string>): Promise<NotifierProcess>
  startWebhook(env: Record<string, string>): Promise<NotifierProcess>
  /** All dead letters, as they are published. */
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

  async function start(env: Record<string, string>, main?: 'webhook/main') {
    const all = { HERALD_BROKER: stage.broker, HERALD_DATA: data, ...env }
    const started = await startNotifier(all, undefined, main)
    closers.push(() => started.stop('SIGKILL'))
    return started
  }

  const stage: Stage = {
    get data() {
      return data
    },
    get broker() {
      return `embedded:${join(data, 'broker')}`
    },
    start: (env = {}) => start(env),
    startWebhook: (env) => start(env, 'webhook/main'),
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
