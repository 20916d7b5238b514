import { type Handler, openBroker, type Subscription } from '@herald/broker'
import { outcomeTopic } from '@herald/broker/outcome-message'
import type { Lifecycle, Logger } from '@herald/runtime'
import { createProbesApp, listenWhileStarting } from '@herald/runtime/probes'
import { createAttempt } from './attempt.js'
import type { Channel } from './channel.js'
import { createDeadLetterPublisher, deadLetterTopic } from './dead-letters/publisher.js'
import { startDeferredLoop } from './deferred-loop.js'
import { createDeliver, type DeliverPolicy } from './deliver.js'
import { serveDeliveries } from './deliveries-api.js'
import { guardChannel } from './guard-channel.js'
import { guardLedger } from './ledger/guard-ledger.js'
import type { DigestRule } from './ledger/lanes.js'
import type { LedgerLocation } from './ledger/ledger-location.js'
import { openLedger } from './ledger/open-ledger.js'
import { pruneRegularly } from './ledger/prune-regularly.js'
import { createNotifierMetrics } from './metrics.js'
import type { Outage, OutageMessages } from './outage.js'
import { watchOutages } from './outages.js'
import { announceOutcomes } from './outcomes.js'
import { createServerHealth } from './server-health.js'
import { createUnexpectedErrors } from './unexpected-errors.js'
import { untilReachable } from './until-reachable.js'

/** The configuration of a subscriber that does not depend on its channel. */
export interface SubscriberConfig extends Omit<DeliverPolicy, 'backOff'> {
  readonly broker: string
  readonly topic: string
  /** The consumer group: one per channel. */
  readonly group: string
  readonly ledger: LedgerLocation
  readonly ledgerRetentionMs: number
  readonly digestRule?: DigestRule
  /** The longest time from the first byte of a body to the reply, in milliseconds. */
  readonly maxReplyMs: number
  /** Most attempts of the channel in flight. */
  readonly connections: number
  /** `host:port` of /livez, /readyz, /metrics and /deliveries. */
  readonly probes: string
}

export interface SubscriberParts {
  /** Called once the ledger is open. */
  readonly openChannel: () => Channel
  readonly logger: Logger
  readonly lifecycle: Lifecycle
  /** Log messages about outages of the receiving side. */
  readonly messages?: OutageMessages
}

/** How long mails in flight may take to finish when the subscriber stops, in milliseconds. */
const drainMs = 10_000

/**
 * Delivers the events of the topic through one channel. Closing all it opens, the channel included,
 * is deferred to `lifecycle`. Resolves to its probes' URL once it is subscribed to the topic.
 */
export async function startSubscriber(
  config: SubscriberConfig,
  { openChannel, logger, lifecycle, messages }: SubscriberParts,
): Promise<{ probesUrl: string }> {
  const { digestRule: digests, group: program, maxReplyMs } = config
  let notStarted = 'ledger: not open yet'
  const probes = await listenWhileStarting(config.probes, () => notStarted)
  lifecycle.defer('probes of the start', () => probes.close())
  const retryUntil = {
    logger,
    signal: lifecycle.signal,
    onUnreachable: (reason: string) => {
      notStarted = reason
    },
  }
  const ledger = await untilReachable(
    () => openLedger(config.ledger, { digests, maxReplyMs, program, logger }),
    retryUntil,
  )
  lifecycle.defer('ledger', () => ledger.close())
  const channel = guardChannel(openChannel(), logger)
  const outcomes = announceOutcomes({
    ledger,
    // A broker of its own: mails that are cut off have outcomes after the other one is closed.
    openBroker: () => openBroker(config.broker, { logger }),
    topic: outcomeTopic(config.topic),
    channel,
    logger,
  })
  lifecycle.defer('outcomes', () => outcomes.close())
  let subscription: Subscription | undefined
  const intake = {
    pause: () => subscription?.pause(),
    resume: () => subscription?.resume(),
  }
  const outages = watchOutages({ intake, ledger, channel, logger, messages })
  const metrics = createNotifierMetrics(channel, {
    lag: async () => (await subscription?.lag()) ?? 0,
    outage: () => outages.receiver.reason !== undefined,
    waiting: () => ledger.lanes.count(),
  })
  const app = createProbesApp({
    metrics: metrics.registry,
    notReady: async () => [
      ...(subscription ? await brokerProblem(subscription) : [notStarted]),
      ...outageProblem('ledger', outages.disk),
      ...outageProblem(channel.readyName, outages.receiver),
    ],
  })
  serveDeliveries(app, ledger)
  notStarted = 'broker: not connected yet'
  probes.serve(app)
  // Again: /deliveries reads the ledger, which is closed after this.
  lifecycle.defer('probes', () => probes.close())

  const atWork = new Set<Promise<void>>()
  // Handlers that the drain did not wait for still write to the ledger: it closes after them.
  lifecycle.defer('deliveries cut off', () => Promise.allSettled(atWork))
  lifecycle.defer(channel.name, () => channel.close())

  const broker = await untilReachable(() => openBroker(config.broker, { logger }), retryUntil)
  lifecycle.defer('broker', () => broker.close())
  const policy = { ...config, backOff: { firstMs: 1000, capMs: 15 * 60_000 } }
  const parts = {
    ledger: guardLedger(ledger, {
      onDiskError: (reason) => outages.disk.begin({ reason, provenByProbe: true }),
      signal: lifecycle.signal,
    }),
    channel,
    deadLetters: createDeadLetterPublisher(broker, channel),
    outage: outages.either,
    health: createServerHealth(),
    metrics,
    logger,
  }
  const track = (work: Promise<void>) => {
    atWork.add(work)
    const done = () => atWork.delete(work)
    work.then(done, done)
    return work
  }
  const unexpected = createUnexpectedErrors(parts)
  const deferred = startDeferredLoop({
    ...parts,
    giveUp: unexpected.giveUp,
    attempt: createAttempt(policy, parts),
    workers: config.connections,
    track,
  })
  lifecycle.defer('subscription', () =>
    Promise.all([subscription?.close({ drainMs }), deferred.close(drainMs)]),
  )
  lifecycle.defer('outages', () => outages.either.close())
  const deliver = unexpected.guard(createDeliver(policy, { ...parts, nudge: deferred.nudge }))
  const tracked: Handler = (delivery, context) => track(deliver(delivery, context))
  const { topic, group } = config
  // More than connections: many share a sync of the ledger, and a mail is composed only when it has a connection.
  const maxInFlight = config.connections * 8
  const maxBuffered = config.connections * 40
  subscription = await untilReachable(async () => {
    // Before the first event that needs it: a missing right to create topics shows at the start.
    await broker.createTopic(deadLetterTopic(topic))
    return broker.subscribe({ topic, group, maxInFlight, maxBuffered }, tracked)
  }, retryUntil)
  // Events are delivered before subscribe resolves: one of them may have begun an outage.
  if (outages.either.paused) subscription.pause()
  lifecycle.defer('ledger pruning', pruneRegularly(ledger, config.ledgerRetentionMs, logger))
  return { probesUrl: probes.url }
}

const outageProblem = (what: string, { reason }: Outage): string[] =>
  reason === undefined ? [] : [`${what}: ${reason}`]

/** Asks the broker: a consumer that has lost it reconnects by itself and reports nothing. */
async function brokerProblem(subscription: Subscription): Promise<string[]> {
  return subscription.lag().then(
    () => [],
    (error: Error) => [`broker: ${error.message}`],
  )
}
