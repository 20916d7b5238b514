import { setTimeout as pause } from 'node:timers/promises'
import { murmur2 } from '@herald/broker/drivers/kafka/partitioner'
import type { Behaviour } from './behaviours.js'
import type { Cluster } from './cluster.js'
import { isAccepted } from './count.js'
import { makeEvent, makeRun, type TestEvent } from './events.js'
import { publishPaced } from './publish-paced.js'
import type { Fault } from './under-load.js'
import { inspectFault } from './window.js'

/** A notifier that is removed for good, with mails that wait in its ledger. */
export interface Removal {
  readonly fault: Fault
  /** After the end of the run: what is wrong. */
  failures(): string[]
  /** All events that waited. */
  readonly events: readonly TestEvent[]
}

const partitions = 8
const waitTimeoutMs = 60_000
const eventsEach = 2
const runSize = 4

const partitionOf = (address: string) => (murmur2(Buffer.from(address)) & 0x7fffffff) % partitions

/** Replies 450 to the recipients of `busy`. */
export const greylistAll = (busy: ReadonlySet<string>): Behaviour => ({
  recipient: (address) => (busy.has(address) ? '450 4.2.0 mailbox busy' : undefined),
})

/**
 * Removes a notifier while it has deferred mails and two open digests: of one, further events come
 * later, to others; of the other, the number of events is unknown, so it ends by time.
 */
export function planRemoval(
  cluster: Cluster,
  victim: number,
  signal: 'SIGTERM' | 'SIGKILL',
  busy: Set<string>,
): Removal {
  const { broker, topic, sink, fleet, ledger } = cluster
  const deferred: TestEvent[] = []
  const runs: { readonly sized: boolean; readonly events: TestEvent[] }[] = []
  const problems: string[] = []
  let removedAt = 0

  return {
    get events() {
      return [...deferred, ...runs.flatMap(({ events }) => events)]
    },

    fault: {
      name: `notifier ${victim} removed by ${signal} with deferred mails and open digests`,
      async inject() {
        const find = () => addressesOf(cluster, victim, `${signal.toLowerCase()}-`)
        let addresses = find()
        // After an earlier fault it may not have partitions yet.
        for (const end = Date.now() + waitTimeoutMs; addresses.length < 4; addresses = find()) {
          if (Date.now() > end) throw new Error(`notifier ${victim} sends nothing`)
          await pause(50)
        }
        const [first = '', second = '', third = '', fourth = ''] = addresses
        for (const address of [first, second]) busy.add(address)
        deferred.push(
          ...[first, second].flatMap((address) =>
            Array.from({ length: eventsEach }, (_, position) => makeEvent(address, position)),
          ),
        )
        const sized = makeRun(runSize)
        const unsized = makeRun(0)
        const ofRun = (address: string, run: typeof sized) =>
          Array.from({ length: runSize }, (_, position) => makeEvent(address, position, run))
        runs.push({ sized: true, events: ofRun(third, sized) })
        runs.push({ sized: false, events: ofRun(fourth, unsized) })
        const [complete = [], open = []] = runs.map(({ events }) => events)
        const to = { broker, topic, perSecond: Infinity }
        await publishPaced(deferred, to)
        await untilWaiting(deferred)
        const gathering = [...complete.slice(0, runSize - 1), ...open]
        await publishPaced(gathering, to)
        await untilWaiting(gathering)
        const uncertain = await inspectFault([victim], 0, sink, ledger, async () => {
          if (signal === 'SIGKILL') return fleet.kill(victim)
          const status = await fleet.stop(victim)
          if (status !== 0) problems.push(`notifier ${victim} ended with ${status} after SIGTERM`)
        })
        removedAt = Date.now()
        const sent = await countNotWaiting([...deferred, ...gathering])
        if (sent > 0) problems.push(`${sent} events that wait were not left behind`)
        for (const { recipient } of deferred) busy.delete(recipient)
        await publishPaced(complete.slice(runSize - 1), to)
        return signal === 'SIGTERM' ? { open: [], unrecorded: [] } : uncertain
      },
    },

    failures() {
      const accepted = sink.sends.filter(isAccepted)
      const mailsOf = (events: readonly TestEvent[]) =>
        accepted.filter(({ eventIds }) => events.some(({ id }) => eventIds.includes(id)))
      const all = [...deferred, ...runs.flatMap(({ events }) => events)]
      const early = mailsOf(all).filter(
        ({ listener, bodyAt }) => listener === victim || (bodyAt ?? 0) < removedAt,
      )
      if (early.length > 0) problems.push(`${early.length} mails that waited were not left behind`)
      for (const { sized, events } of runs) {
        const mails = mailsOf(events).length
        if (mails !== 1)
          problems.push(`a digest of ${sized ? 'known' : 'unknown'} size is ${mails} mails`)
      }
      return problems
    },
  }

  /** Events that are neither deferred nor gathered. */
  async function countNotWaiting(events: readonly TestEvent[]): Promise<number> {
    const records = await ledger.findAll(events.map(({ id }) => id))
    return records.filter((record) => record?.lane === undefined).length
  }

  async function untilWaiting(events: readonly TestEvent[]): Promise<void> {
    const end = Date.now() + waitTimeoutMs
    while ((await countNotWaiting(events)) > 0) {
      if (Date.now() > end) {
        problems.push('the events that are to wait are not all in the ledger')
        return
      }
      await pause(50)
    }
  }
}

/** Addresses whose events the notifier gets: those of partitions from which it sent last. */
function addressesOf({ sink }: Cluster, listener: number, prefix: string): string[] {
  const last = new Map(
    sink.sends.filter(isAccepted).map((send) => [partitionOf(send.recipient), send.listener]),
  )
  const candidates = Array.from({ length: 400 }, (_, n) => `${prefix}${n}@example.com`)
  return candidates.filter((address) => last.get(partitionOf(address)) === listener)
}
