import { setTimeout as pause } from 'node:timers/promises'
import { type Cluster, notifiers } from './cluster.js'
import { isAccepted } from './count.js'
import { type Service, services } from './network.js'
import type { Send } from './send.js'
import type { Fault } from './under-load.js'
import { inspectFault, killAndInspect, type UncertainMails } from './window.js'

export interface FaultTimes {
  /** How long a notifier is suspended: longer than the ledger keeps an attempt for it. */
  readonly stoppedMs: number
  readonly cutOffMs: number
}

/** What can happen to one notifier, and what it did afterwards. */
export interface NotifierFaults {
  kill(victim: number): Fault
  /** SIGSTOP, and SIGCONT later. */
  suspend(victim: number): Fault
  /** Its network drops what it sends and gets. */
  cutOff(victim: number, from: readonly Service[]): Fault
  /** Mails whose body came after their notifier was suspended, and that were sent twice. */
  sentAfterLoss(): Send[]
}

const windowTimeoutMs = 5000
const none: UncertainMails = { open: [], unrecorded: [] }

export function createNotifierFaults(cluster: Cluster, times: FaultTimes): NotifierFaults {
  const { sink, fleet, ledger, machines } = cluster
  const startedAtOf = new Array<number>(notifiers).fill(0)
  /** Sends that were open while their notifier was suspended, and when it continued. */
  const suspended: { send: Send; continuedAt: number }[] = []
  const inspect = (victim: number, inject: () => Promise<void>) =>
    inspectFault([victim], startedAtOf[victim] ?? 0, sink, ledger, inject)

  return {
    kill: (victim) => ({
      name: `notifier ${victim} killed and started again`,
      async inject() {
        await untilOpen(cluster, victim)
        const uncertain = await killAndInspect(
          fleet,
          victim,
          startedAtOf[victim] ?? 0,
          sink,
          ledger,
        )
        startedAtOf[victim] = Date.now()
        await fleet.start(victim)
        return uncertain
      },
    }),

    suspend: (victim) => ({
      name: `notifier ${victim} suspended for ${times.stoppedMs / 1000} s`,
      async inject() {
        await untilOpen(cluster, victim)
        const uncertain = await inspect(victim, async () => fleet.signal(victim, 'SIGSTOP'))
        await pause(times.stoppedMs)
        const open = uncertain.open.filter(({ bodyAt }) => bodyAt === undefined)
        suspended.push(...open.map((send) => ({ send, continuedAt: Date.now() })))
        fleet.signal(victim, 'SIGCONT')
        return uncertain
      },
    }),

    cutOff: (victim, from) => ({
      name: `notifier ${victim} cut off from ${from.length === services.length ? 'everything' : from.join(', ')} for ${times.cutOffMs / 1000} s`,
      async inject() {
        await untilOpen(cluster, victim)
        const cut = async () => machines[victim]?.cutOff(from)
        // Without Kafka it still records what it sends.
        const needed = from.some((service) => service !== 'Kafka')
        const uncertain = needed ? await inspect(victim, cut) : await cut().then(() => none)
        await pause(times.cutOffMs)
        await machines[victim]?.reconnect()
        return uncertain
      },
    }),

    sentAfterLoss() {
      const accepted = sink.sends.filter(isAccepted)
      return suspended
        .filter(
          ({ send, continuedAt }) =>
            isAccepted(send) &&
            (send.bodyAt ?? 0) >= continuedAt &&
            accepted.some((other) => other !== send && other.eventId === send.eventId),
        )
        .map(({ send }) => send)
    },
  }
}

/** Resolves when the notifier has a mail between 354 and reply, or after a while. */
async function untilOpen({ sink }: Cluster, victim: number): Promise<void> {
  const end = Date.now() + windowTimeoutMs
  while (sink.open(victim).length === 0 && Date.now() < end) await pause(5)
}
