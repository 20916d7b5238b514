import { type Handler, openBroker, type Subscription } from '@herald/broker'
import type { Lifecycle, Logger } from '@herald/runtime'
import { createProbesApp, listenHttp } from '@herald/runtime/probes'
import { createAttempt } from './attempt.js'
import type { NotifierConfig } from './config.js'
import { createDeadLetters } from './dead-letters.js'
import { startDeferredLoop } from './deferred-loop.js'
import { createDeliver } from './deliver.js'
import { serveDeliveries } from './deliveries-api.js'
import { guardLedger } from './ledger/guard-ledger.js'
import { keepLedgerSmall } from './ledger/keep-small.js'
import { openLmdbLedger } from './ledger/lmdb-ledger.js'
import { openLetters } from './mail/letters.js'
import { createNotifierMetrics } from './metrics.js'
import { type Outage, watchOutage } from './outage.js'
import { createSmtpSender } from './smtp/smtp-sender.js'
import { startOutcomes } from './start-outcomes.js'
import { untilReachable } from './until-reachable.js'

export interface NotifierParts {
  readonly logger: Logger
  readonly lifecycle: Lifecycle
}

/** How long mails in flight may take to finish when the notifier stops, in milliseconds. */
const drainMs = 10_000

/** Starts the notifier; everything it takes it defers to `lifecycle`. Resolves to its probes' URL once it listens to the topic. */
export async function startNotifier(
  config: NotifierConfig,
  { logger, lifecycle }: NotifierParts,
): Promise<{ probesUrl: string }> {
  const letters = openLetters()
  const ledger = openLmdbLedger({ directory: config.ledgerDirectory })
  lifecycle.defer('ledger', () => ledger.close())
  await startOutcomes(config, ledger, { logger, lifecycle })
  const sender = createSmtpSender({
    server: config.smtp,
    connections: config.smtpConnections,
    timeoutMs: config.smtpTimeoutMs,
    logger,
  })
  let subscription: Subscription | undefined
  const intake = {
    pause: () => subscription?.pause(),
    resume: () => {
      if (outage.reason === undefined) subscription?.resume()
    },
  }
  const disk = watchOutage({
    intake,
    probe: () => ledger.check(),
    backOff: { firstMs: 500, capMs: 4_000 },
    logger,
    words: {
      began: 'the ledger cannot be written: nothing is sent, events wait',
      lasts: 'the ledger still cannot be written',
      ended: 'the ledger can be written again',
    },
  })
  const mailServer = watchOutage({
    intake,
    probe: () => sender.probe(),
    // The longest wait is what a mailbox waits at most once the server is back; a probe costs little.
    backOff: { firstMs: 500, capMs: 4_000 },
    logger,
  })
  const outage: Outage = {
    ...mailServer,
    get reason() {
      return disk.reason ?? mailServer.reason
    },
  }
  const metrics = createNotifierMetrics({
    lag: async () => (await subscription?.lag()) ?? 0,
    outage: () => mailServer.reason !== undefined,
    deferred: () => ledger.lanes.count(),
  })
  const app = createProbesApp({
    metrics: metrics.registry,
    notReady: () => [
      ...(subscription ? [] : ['broker: not connected yet']),
      ...(disk.reason === undefined ? [] : [`ledger: ${disk.reason}`]),
      ...(mailServer.reason === undefined ? [] : [`smtp: ${mailServer.reason}`]),
    ],
  })
  serveDeliveries(app, ledger)
  const probes = await listenHttp(app, config.probes)
  lifecycle.defer('probes', () => probes.close())

  const atWork = new Set<Promise<void>>()
  // Handlers cut off by the end of the drain still write to the ledger: it closes after them.
  lifecycle.defer('mails cut off', () => Promise.allSettled(atWork))
  lifecycle.defer('mail server', () => sender.close())

  const patience = { logger, signal: lifecycle.signal }
  const broker = await untilReachable(() => openBroker(config.broker, { logger }), patience)
  lifecycle.defer('broker', () => broker.close())
  const policy = { ...config, backOff: { firstMs: 1000, capMs: 15 * 60_000 } }
  const deadLetters = createDeadLetters(broker)
  const guarded = guardLedger(ledger, { full: disk.begin, signal: lifecycle.signal })
  const parts = { ledger: guarded, sender, letters, deadLetters, outage, metrics, logger }
  const deliver = createDeliver(policy, parts)
  const track = (work: Promise<void>) => {
    atWork.add(work)
    const done = () => atWork.delete(work)
    work.then(done, done)
    return work
  }
  const tracked: Handler = (delivery, context) => track(deliver(delivery, context))
  const { topic, group } = config
  const maxInFlight = config.smtpConnections * 4
  subscription = await untilReachable(
    () => broker.subscribe({ topic, group, maxInFlight }, tracked),
    patience,
  )
  // Events flow before subscribe resolves: one of them may have met an outage already.
  if (outage.reason !== undefined) subscription.pause()
  const deferred = startDeferredLoop({
    ...parts,
    policy,
    attempt: createAttempt(policy, parts),
    // The others keep at least half of the connections.
    workers: Math.max(1, Math.floor(config.smtpConnections / 2)),
    track,
  })
  lifecycle.defer('subscription', () =>
    Promise.all([subscription?.close({ drainMs }), deferred.close(drainMs)]),
  )
  lifecycle.defer('outages', () => [disk, mailServer].forEach((each) => void each.close()))
  lifecycle.defer('ledger pruning', keepLedgerSmall(ledger, config.ledgerRetentionMs, logger))
  return { probesUrl: probes.url }
}
