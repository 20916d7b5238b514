import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { findPostgres, type PostgresServer, startPostgres } from '@herald/postgres'
import { checkMails, countAtSink, isAccepted } from './count.js'
import { makeEvents, people, type TestEvent } from './events.js'
import { type FaultySmtp, startFaultySmtp } from './faulty-smtp.js'
import { type Fleet, startFleet } from './fleet.js'
import type { KafkaFixture } from './kafka-fixture.js'
import { publishPaced } from './publish-paced.js'
import { createChecks, type Result } from './result.js'
import { seeded } from './seeded.js'

export interface MachinesOptions {
  readonly seed: number
  readonly events: number
  readonly perSecond: number
  /** Longer than the lease. */
  readonly stoppedMs: number
  /** After this time without progress the scenario fails. Default 60,000. */
  readonly stuckMs?: number
  readonly print: (line: string) => void
}

const notifiers = 3
const connections = 4
const holdMs = 20
const leaseMs = 3000

/**
 * Notifiers with a disk each and one ledger in PostgreSQL. One is killed and started again, one is
 * suspended for longer than its lease, one is removed for good while mails of it are deferred; then the
 * database is killed and its standby promoted.
 */
export async function runMachines(
  kafkaFixture: KafkaFixture,
  options: MachinesOptions,
): Promise<Result> {
  const { seed, print, stuckMs = 60_000 } = options
  const found = await findPostgres()
  const scenario = 'several machines'
  if ('missing' in found) return { scenario, figures: {}, failures: [found.missing] }
  const events = makeEvents(options.events, people(50), seeded(seed))
  const busy = new Set(people(50).slice(0, 5))
  const closers: (() => unknown)[] = []
  try {
    const workspace = await kafkaFixture.openWorkspace()
    closers.push(workspace.close)
    const primary = await startPostgres({ installation: found.installation })
    closers.push(primary.destroy)
    const standby = await primary.startStandby()
    await primary.configure({ synchronous_standby_names: 'standby' })
    const sink = await startFaultySmtp({
      listeners: notifiers,
      behaviour: {
        holdMs: () => holdMs,
        recipient: (address) => (busy.has(address) ? '450 4.2.0 mailbox busy' : undefined),
      },
    })
    closers.push(sink.stop)
    const ledger = `postgres://herald@${standby.address},${primary.address}/herald?lease=${leaseMs}ms`
    const fleet = await startFleet({
      smtp: sink.urls,
      env: {
        ...workspace.env,
        HERALD_LEDGER: ledger,
        HERALD_SMTP_TIMEOUT: '2s',
        HERALD_SMTP_CONNECTIONS: String(connections),
        HERALD_PARK_FOR: '500ms',
      },
      dataOf: (index) => join(workspace.folder, `machine-${index}`),
    })
    closers.push(fleet.destroy)
    const to = { ...options, broker: kafkaFixture.broker, topic: workspace.topic }
    const published = publishPaced(events, to)
    published.catch(() => {})
    const startedAt = Date.now()
    const after = (share: number) => pause(startedAt + share * runMs - Date.now())
    const runMs = (options.events / options.perSecond) * 1000
    const faults = await disturb({ fleet, primary, standby, after, stoppedMs: options.stoppedMs })
    await published
    busy.clear()
    const settled = await untilMailed(events, sink, stuckMs)
    const outcomes = await standby.query(
      "select record->>'state', count(*) from herald_mail.mail group by 1 order by 1",
    )
    print(`records: ${outcomes.replaceAll('\n', ', ')}`)
    const { failures, check } = createChecks()
    check(settled, 'not every event was mailed')
    const figures = checkMails(check, countAtSink(events, sink.sends), faults * connections)
    return {
      scenario,
      figures: { events: events.length, ...figures, bound: faults * connections },
      failures,
      notes: failures.length > 0 ? fleet.warnings.slice(-20) : [],
    }
  } finally {
    for (const close of closers.reverse()) await close()
  }
}

interface Disturbed {
  readonly fleet: Fleet
  readonly primary: PostgresServer
  readonly standby: PostgresServer
  /** Resolves after that share of the time in which events are published. */
  readonly after: (share: number) => Promise<unknown>
  readonly stoppedMs: number
}

/** Resolves to how often a notifier lost its mails in flight: each may come twice. */
async function disturb({ fleet, primary, standby, after, stoppedMs }: Disturbed): Promise<number> {
  await after(0.1)
  await fleet.kill(0)
  await fleet.start(0)
  await after(0.3)
  const stopped = fleet.pid(1) ?? 0
  process.kill(stopped, 'SIGSTOP')
  await pause(stoppedMs)
  process.kill(stopped, 'SIGCONT')
  await after(0.6)
  await fleet.stop(2)
  await after(0.8)
  await primary.kill()
  await standby.promote()
  return 1 + 1 + 2
}

/** Resolves to false after `stuckMs` without a further mail. */
async function untilMailed(
  events: readonly TestEvent[],
  sink: FaultySmtp,
  stuckMs: number,
): Promise<boolean> {
  let mailed = 0
  for (let progressAt = Date.now(); Date.now() - progressAt < stuckMs; await pause(100)) {
    const ids = new Set(sink.sends.filter(isAccepted).map(({ eventId }) => eventId))
    if (events.every(({ id }) => ids.has(id))) return true
    if (ids.size > mailed) progressAt = Date.now()
    mailed = ids.size
  }
  return false
}
