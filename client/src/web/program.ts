import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { openBroker } from '@herald/broker'
import { openOutbox } from '@herald/broker/outbox'
import { startRelay } from '@herald/broker/relay'
import { openBlobStore } from '@herald/runtime/blobs'
import type { Lifecycle } from '@herald/runtime/lifecycle'
import type { Logger } from '@herald/runtime/logger'
import { createMetrics, createProbesApp, listenHttp } from '@herald/runtime/probes'
import { openConverter } from '../converter-client.js'
import { announceRecords } from './announce-records.js'
import { createWebApp } from './app.js'
import { isLoopback, type WebConfig } from './config.js'
import { latestProgress, openConversionEvents } from './conversion-events.js'
import { manageConversions } from './conversions.js'
import { keepExpectedFiles } from './expected-files.js'
import { cacheFormats } from './format-cache.js'
import { openIncoming } from './incoming.js'
import { createLimits } from './limits.js'
import { type Links, linksTo } from './links.js'
import { listenWeb } from './listen.js'
import { openLmdbRecords } from './lmdb-records.js'
import { readOutcomes } from './outcomes.js'
import { openPostgresRecords } from './postgres/postgres-records.js'
import { settleRecords } from './settle-records.js'
import { startSweep } from './sweep.js'
import { watchOutbox } from './watch-outbox.js'

/** The running web page. */
export interface WebProgram {
  /** `http://localhost:8080`: what links begin with. */
  readonly url: string
  /** `http://127.0.0.1:9103` */
  readonly probes: string
}

/**
 * Starts the web page; it serves when this resolves. What it acquires is deferred to `lifecycle`:
 * closing refuses new requests, ends event streams, finishes the conversions, then releases the rest.
 */
export async function startWeb(
  config: WebConfig,
  { lifecycle, logger }: { lifecycle: Lifecycle; logger: Logger },
): Promise<WebProgram> {
  const records = await (config.records
    ? openPostgresRecords(config.records, logger)
    : openLmdbRecords(join(config.directory, 'records')))
  lifecycle.defer('records', () => records.close())
  const results = await openBlobStore(config.results)
  lifecycle.defer('results', () => results.close())
  const outbox = await openOutbox(config.outboxDirectory, { broker: config.broker, logger })
  lifecycle.defer('outbox', () => outbox.close())
  const converter = openConverter(config.converter)
  lifecycle.defer('converter', () => converter.close())

  const events = openConversionEvents()
  const { topic, keepMs } = config
  const listening = await listenWeb(config.listen)
  lifecycle.defer('port', () => listening.close())
  const links: Links = linksTo(config.url ?? listening.localUrl)

  await outbox.settle()
  const watch = watchOutbox(outbox, { records, events, logger })
  lifecycle.defer('outbox watch', () => watch.close())
  const announcer = announceRecords({ outbox, records, events, topic, logger })
  lifecycle.defer('announcer', () => announcer.close())
  const tools = { records, results, announcer, events, links, logger }
  const incoming = await openIncoming(join(config.directory, 'incoming'))
  lifecycle.defer('incoming files', () => rm(incoming, { recursive: true, force: true }))
  const conversions = manageConversions({ ...tools, converter, incoming })
  const settler = await settleRecords({ ...tools, isRunning: conversions.isRunning })
  lifecycle.defer('settler', () => settler.close())
  const relay = startRelay(outbox, () => openBroker(config.broker, { logger }), { logger })
  lifecycle.defer('relay', () => relay.stop())
  const outcomes = readOutcomes({ broker: config.broker, topic, records, events, logger })
  lifecycle.defer('outcomes', () => outcomes.close())

  const expected = keepExpectedFiles(tools)
  lifecycle.defer('expected files', () => expected.close())
  const sweep = startSweep({ records, conversions, results, keepMs, logger })
  lifecycle.defer('sweep', () => sweep.close())
  lifecycle.defer('conversions', () => conversions.close())
  records.follow((event) => events.publish(event))

  const domains = config.recipientDomains ?? (isLoopback(config.listen) ? ['*'] : [])
  const formats = cacheFormats(converter)
  const app = createWebApp(
    {
      config,
      converter,
      conversions,
      expected,
      records,
      events,
      formats,
      limits: createLimits({ ...config, domains, records }),
      recipients: domains.includes('*') ? 'any' : domains.length === 0 ? 'none' : domains,
      results,
      progressOf: latestProgress(events),
      stopping: lifecycle.signal,
    },
    logger,
  )
  const probes = await listenHttp(
    createProbesApp({
      metrics: createMetrics('web'),
      // Not the converter: without one, all pages would be taken out of service, with what they have.
      notReady: () => {
        if (lifecycle.signal.aborted) return ['stopping']
        return records.get('').then(
          () => [],
          (error: Error) => [`the records cannot be used: ${error.message}`],
        )
      },
    }),
    config.probes,
  )
  lifecycle.defer('probes', () => probes.close())
  listening.serve(app)
  // Closed first: uploads need everything else.
  lifecycle.defer('requests', () => listening.drain())
  return { url: links.base, probes: probes.url }
}
