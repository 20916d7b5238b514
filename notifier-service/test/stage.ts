import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Broker, type Delivery, openBroker } from '@herald/broker'
import { Lifecycle, silentLogger } from '@herald/runtime'
import { pino } from 'pino'
import { afterEach, beforeEach } from 'vitest'
import { loadConfig } from '#src/config'
import { startNotifier as startHere } from '#src/notifier'
import { type NotifierProcess, startNotifier } from './notifier-process.js'

/** A data folder with a broker in it, and the notifiers started on it; all gone after each test. */
export interface Stage {
  readonly data: string
  readonly broker: string
  start(env?: Record<string, string>): Promise<NotifierProcess>
  /** The same in this process, which is faster: for tests that neither kill nor stop it. */
  startHere(env?: Record<string, string>): Promise<Pick<NotifierProcess, 'probesUrl' | 'log'>>
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
    async startHere(env = {}) {
      const log: Record<string, unknown>[] = []
      const logger = pino({}, { write: (line) => void log.push(JSON.parse(line)) })
      const lifecycle = new Lifecycle(logger)
      closers.push(() => lifecycle.close())
      const probes = { HERALD_NOTIFIER_PROBES: '127.0.0.1:0' }
      const all = { HERALD_BROKER: stage.broker, HERALD_DATA: data, ...probes, ...env }
      const { probesUrl } = await startHere(loadConfig(all), { logger, lifecycle })
      return { probesUrl, log }
    },
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
