import { openBroker, RetryLater } from '@herald/broker'
import { highTopic } from '@herald/broker/convert-command'
import { JobStore } from '@herald/broker/job-store'
import { openBlobStore } from '@herald/runtime/blobs'
import type { Lifecycle } from '@herald/runtime/lifecycle'
import type { Logger } from '@herald/runtime/logger'
import type { Registry } from 'prom-client'
import type { ConverterConfig } from '../config.js'
import { startConversions } from '../start-conversions.js'
import { deadLetterTopic } from './announce-job.js'
import type { WorkerConfig } from './config.js'
import { jobHandler } from './handle-job.js'
import { sweepRegularly } from './sweep-jobs.js'
import { Turns } from './turns.js'

/** The consumer group of all workers. */
const group = 'converters'

export interface WorkerApp {
  readonly metrics: Registry
  notReady(): readonly string[]
}

/**
 * A worker on the queue of conversions: as many jobs at once as it has child processes. `lifecycle`
 * closes it: jobs at work finish, those that wait are left to other workers.
 */
export async function createWorkerApp(
  converter: ConverterConfig,
  config: WorkerConfig,
  { lifecycle, logger }: { lifecycle: Lifecycle; logger: Logger },
): Promise<WorkerApp> {
  const { jobsTopic, topic } = config
  const blobs = await openBlobStore(config.blobs)
  lifecycle.defer('blob store', () => blobs.close())
  const turns = new Turns(converter.children)
  const conversions = await startConversions(converter, {
    lifecycle,
    logger,
    admitted: () => turns.running,
  })
  const broker = await openBroker(config.broker, { logger })
  lifecycle.defer('broker', () => broker.close())
  for (const each of [topic, deadLetterTopic(jobsTopic)]) await broker.createTopic(each)
  const store = new JobStore(blobs)
  lifecycle.defer('sweep', sweepRegularly(store, config.keepMs, logger))

  const services = { config, broker, store, conversions, turns, logger }
  const subscribe = async (name: string, kind: 'high' | 'normal') => {
    const subscription = await broker.subscribe(
      { topic: name, group, maxInFlight: converter.children },
      jobHandler(services, kind),
    )
    return subscription
  }
  const subscriptions = await Promise.all([
    subscribe(highTopic(jobsTopic), 'high'),
    subscribe(jobsTopic, 'normal'),
  ])
  lifecycle.defer('jobs', () => {
    turns.close(new RetryLater(0, { cause: 'the worker is stopping' }))
    return Promise.all(subscriptions.map((each) => each.close({ drainMs: converter.timeoutMs })))
  })
  return {
    metrics: conversions.registry,
    notReady: () => [
      ...(lifecycle.signal.aborted ? ['stopping'] : []),
      ...(conversions.pool.pids.length === 0 ? ['no child process is running'] : []),
    ],
  }
}
