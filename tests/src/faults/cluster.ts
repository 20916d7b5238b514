import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { KafkaCluster } from '@herald/kafka'
import { findPostgres, type PostgresServer, startPostgres } from '@herald/postgres'
import type { Behaviour } from './behaviours.js'
import { type BrokerName, findBrokerServer } from './broker-server.js'
import { type FaultySmtp, startFaultySmtp } from './faulty-smtp.js'
import { type Fleet, startFleet } from './fleet.js'
import { readTopic } from './kafka-fixture.js'
import { type LedgerView, viewPostgresLedger } from './ledger-view.js'
import { type Machine, openNetwork } from './network.js'

/** What every scenario on a cluster of notifiers is given. */
export interface ClusterScenarioOptions {
  readonly seed: number
  readonly events: number
  readonly perSecond: number
  readonly leaseMs: number
  readonly smtpTimeoutMs: number
  readonly sessionTimeoutMs: number
  /** After this time without progress the scenario fails. */
  readonly stuckMs: number
  readonly print: (line: string) => void
}

export interface ClusterOptions {
  /** Default kafka. */
  readonly brokerName?: BrokerName
  /** On Kafka: each notifier has a network namespace; else all are on loopback. */
  readonly ownNetworks?: boolean
  /** Default 1. */
  readonly kafkaBrokers?: 1 | 3
  /** PostgreSQL has a synchronous standby. */
  readonly standby?: boolean
  readonly leaseMs: number
  readonly smtpTimeoutMs: number
  readonly sessionTimeoutMs: number
  readonly behaviour: Behaviour
  readonly env?: Readonly<Record<string, string>>
  readonly nodeArguments?: readonly string[]
}

/** Three notifiers with a data folder each and one ledger in PostgreSQL, on a broker of their own. */
export interface Cluster {
  /** Undefined on another broker. */
  readonly kafka: KafkaCluster | undefined
  readonly broker: string
  readonly topic: string
  readonly postgres: PostgresServer
  readonly standby: PostgresServer | undefined
  readonly sink: FaultySmtp
  readonly fleet: Fleet
  readonly ledger: LedgerView
  /** Of the notifiers, if they have networks. */
  readonly machines: readonly Machine[]
  /** Reasons of the dead letters. */
  deadLetters(): Promise<readonly string[]>
}

export const notifiers = 3

/** Runs `run` on a new cluster and removes it; resolves to why there can be none. */
export async function withCluster<T>(
  options: ClusterOptions,
  run: (cluster: Cluster) => Promise<T>,
): Promise<T | { readonly missing: string }> {
  const { leaseMs, smtpTimeoutMs, sessionTimeoutMs, behaviour, env, nodeArguments = [] } = options
  const found = await findPostgres()
  if ('missing' in found) return found
  const foundBroker = await findBrokerServer(options.brokerName ?? 'kafka')
  if ('missing' in foundBroker) return foundBroker
  const closers: (() => unknown)[] = []
  const close = async () => {
    for (const closer of closers.splice(0).reverse()) await closer()
  }
  // Networks outlive this process.
  const interrupted = () => void close().finally(() => process.exit(130))
  process.once('SIGINT', interrupted)
  try {
    const network = options.ownNetworks ? await openNetwork(notifiers) : undefined
    if (network && 'missing' in network) return network
    if (network) closers.push(network.close)
    const hostOf = (address: string | undefined) => (address === undefined ? {} : { host: address })
    const folder = await mkdtemp(join(tmpdir(), 'herald-faults-'))
    closers.push(() => rm(folder, { recursive: true, force: true, maxRetries: 3 }))
    const server = await foundBroker.start({
      folder,
      kafkaBrokers: options.kafkaBrokers ?? 1,
      kafkaHost: network?.addresses.Kafka,
    })
    closers.push(server.destroy)
    const host = network?.addresses.PostgreSQL ?? '127.0.0.1'
    const postgres = await startPostgres({
      installation: found.installation,
      ...hostOf(network?.addresses.PostgreSQL),
    })
    closers.push(postgres.destroy)
    const standby = options.standby ? await postgres.startStandby() : undefined
    if (standby) await postgres.configure({ synchronous_standby_names: 'standby' })
    const hosts = [postgres, ...(standby ? [standby] : [])].map(({ port }) => `${host}:${port}`)
    const ledgerUrl = `postgres://herald@${hosts.join()}/herald?lease=${leaseMs}ms`
    const sink = await startFaultySmtp({
      listeners: notifiers,
      behaviour,
      ...hostOf(network?.addresses.mail),
    })
    closers.push(sink.stop)
    const broker = `${server.url}?sessionTimeoutMs=${sessionTimeoutMs}`
    const topic = 'faults'
    const machines = network?.machines ?? []
    const fleet = await startFleet({
      smtp: sink.urls,
      env: {
        HERALD_BROKER: broker,
        HERALD_TOPIC: topic,
        HERALD_GROUP: topic,
        HERALD_MAIL_FROM: 'Herald <herald@example.com>',
        HERALD_LEDGER: ledgerUrl,
        HERALD_SMTP_TIMEOUT: `${smtpTimeoutMs}ms`,
        ...env,
      },
      envOf: (index) => ({
        HERALD_DATA: join(folder, `notifier-${index}`),
        ...(network && { HERALD_NOTIFIER_PROBES: `${machines[index]?.address}:9102` }),
      }),
      launcherOf: (index) => machines[index]?.launcher ?? [],
      nodeArguments,
    })
    closers.push(fleet.destroy)
    const ledger = await viewPostgresLedger(ledgerUrl)
    closers.push(ledger.close)
    const deadLetters = async () => {
      const dead = await readTopic(broker, `${topic}.dead-letter`, 'count')
      return dead.map(({ headers }) =>
        Buffer.from(headers['herald_dead_letter_reason'] ?? '').toString(),
      )
    }
    const servers = { kafka: server.kafka, broker, topic, postgres, standby, sink }
    return await run({ ...servers, fleet, ledger, machines, deadLetters })
  } finally {
    process.off('SIGINT', interrupted)
    await close()
  }
}
