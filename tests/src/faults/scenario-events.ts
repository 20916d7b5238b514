import { mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { type Broker, openBroker } from '@herald/broker'
import { loadConfig } from '@herald/notifier-service/config'
import { startNotifier } from '@herald/notifier-service/notifier'
import { startSubscriber } from '@herald/notifier-service/subscriber'
import { loadConfig as loadWebhookConfig } from '@herald/notifier-service/webhook/config'
import { createWebhookChannel } from '@herald/notifier-service/webhook/webhook-channel'
import { Lifecycle, type Logger, silentLogger } from '@herald/runtime'
import { mutantMessage } from './event-mutations.js'
import { makeEvent } from './events.js'
import { startFaultySmtp } from './faulty-smtp.js'
import { createChecks, type Result } from './result.js'
import { seeded } from './seeded.js'

export interface EventFuzzOptions {
  readonly seed: number
  readonly events: number
  /** After this time without an acknowledgement the programs are stalled. */
  readonly stalledAfterMs: number
  readonly print: (line: string) => void
}

/** One valid event after this many mutants; each must be mailed and posted. */
const validEvery = 50
const topic = 'notifications'

/**
 * Events of any content into a notifier and a webhook, both in this process: each must be
 * acknowledged, and no valid event may be delayed or lost.
 */
export async function runEventFuzz(options: EventFuzzOptions): Promise<Result> {
  const { seed, events, stalledAfterMs, print } = options
  const folder = await mkdtemp(join(tmpdir(), 'herald-events-'))
  const lifecycle = new Lifecycle(silentLogger)
  lifecycle.defer('folder', () => rm(folder, { recursive: true, force: true }))
  try {
    const { failures, check } = createChecks()
    const unexpected: string[] = []
    const logger = collectErrors(unexpected)
    const sink = await startFaultySmtp()
    lifecycle.defer('mail server', () => sink.stop())
    const receiver = await startReceiver()
    lifecycle.defer('receiver', () => receiver.close())
    const env = {
      HERALD_BROKER: `embedded:${join(folder, 'broker')}`,
      HERALD_DATA: folder,
      HERALD_SMTP: sink.urls[0],
      // Many at once share a sync of the ledger.
      ...{ HERALD_SMTP_CONNECTIONS: '32', HERALD_WEBHOOK_CONNECTIONS: '32' },
      ...{ HERALD_DIGEST_QUIET: '50ms', HERALD_DIGEST_MAX: '200ms' },
      HERALD_NOTIFIER_PROBES: '127.0.0.1:0',
      HERALD_WEBHOOK_PROBES: '127.0.0.1:0',
      HERALD_WEBHOOK_URL: receiver.url,
      HERALD_WEBHOOK_SECRET: `whsec_${Buffer.alloc(32, 1).toString('base64')}`,
    }
    const broker = await openBroker(env.HERALD_BROKER, { logger: silentLogger })
    lifecycle.defer('publisher', () => broker.close())
    const valid = await publishMutants(broker, { seed, events })
    const startedAt = performance.now()
    const webhook = loadWebhookConfig(env)
    const openChannel = () => createWebhookChannel(webhook)
    const programs = await Promise.all([
      startNotifier(loadConfig(env), { logger, lifecycle }),
      startSubscriber(webhook, { openChannel, logger, lifecycle }),
    ])
    print(`${events} events, seed ${seed}`)
    const left = await untilIdle(programs, stalledAfterMs)
    const seconds = (performance.now() - startedAt) / 1000
    check(left === 0, `${left} events wait, and none was acknowledged for ${stalledAfterMs} ms`)
    const mailed = new Set(
      sink.sends.flatMap(({ recipient }) => (recipient.startsWith('valid-') ? [recipient] : [])),
    )
    check(
      mailed.size === valid.length,
      `${valid.length - mailed.size} valid events were not mailed`,
    )
    const posted = valid.filter(({ id }) => receiver.ids.has(id)).length
    check(posted === valid.length, `${valid.length - posted} valid events were not posted`)
    for (const error of new Set(unexpected)) check(false, `unexpected: ${error}`)
    return {
      scenario: 'events',
      figures: {
        events,
        mails: sink.sends.length,
        posts: receiver.ids.size,
        seconds: seconds.toFixed(1),
      },
      failures,
    }
  } finally {
    await lifecycle.close()
  }
}

async function publishMutants(
  broker: Broker,
  { seed, events }: Pick<EventFuzzOptions, 'seed' | 'events'>,
) {
  const random = seeded(seed)
  const valid = []
  for (let published = 0; published < events; published += validEvery) {
    const event = makeEvent(`valid-${valid.length}@example.com`, 0)
    const messages = Array.from({ length: validEvery }, () => mutantMessage(random))
    messages.push(event.message)
    await broker.publish(topic, messages).catch(async () => {
      for (const each of messages) {
        // A message that the broker refuses never reaches a notifier.
        await broker.publish(topic, [each]).catch(() => {})
      }
    })
    valid.push(event)
  }
  return valid
}

/** Resolves to the number of waiting events, in the topic and the ledgers, when it is 0 or stops falling. */
async function untilIdle(programs: readonly { probesUrl: string }[], stalledAfterMs: number) {
  let least = Number.POSITIVE_INFINITY
  let progressAt = performance.now()
  for (;;) {
    const pages = await Promise.all(
      programs.map(async ({ probesUrl }) => (await fetch(`${probesUrl}/metrics`)).text()),
    )
    const waiting = pages.flatMap((page) =>
      [...page.matchAll(/^herald_notifier_(?:lag|deferred|gathered)_events\{.*\} (\S+)$/gm)].map(
        ([, count]) => Number(count),
      ),
    )
    const sum = waiting.reduce((total, count) => total + count, 0)
    if (sum < least) progressAt = performance.now()
    least = Math.min(least, sum)
    if (sum === 0 || performance.now() > progressAt + stalledAfterMs) return sum
    await delay(100)
  }
}

/** Accepts everything and records the ids. */
async function startReceiver() {
  const ids = new Set<string>()
  const server = createServer({ maxHeaderSize: 64 * 1024 }, (request, response) => {
    ids.add(decodeURIComponent(String(request.headers['ce-id'])))
    request.resume().once('end', () => response.writeHead(204).end())
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    ids,
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook`,
    close: () => new Promise((resolve) => server.close(resolve)),
  }
}

/** A logger that adds errors and warnings with an exception to `found`. */
function collectErrors(found: string[]): Logger {
  const record = (fields: unknown, message?: string) => {
    const { err } = (fields ?? {}) as { err?: Error }
    if (err !== undefined) found.push(`${message}: ${err.stack?.split('\n').slice(0, 4).join(' ')}`)
  }
  const logger = Object.create(silentLogger) as Logger
  logger.error = record as Logger['error']
  logger.warn = record as Logger['warn']
  logger.child = () => logger as never
  return logger
}
