import { type Random, whole } from './seeded.js'

/** A kill of one notifier. */
export interface PlannedKill {
  /** After this many events had a mail accepted. */
  readonly afterMails: number
  readonly victim: number
  /** Whether to wait until a mail of the victim is between 354 and reply. */
  readonly inWindow: boolean
}

/** When each failure happens, counted in mails and not in time: the same seed gives the same plan. */
export interface Plan {
  readonly kills: readonly PlannedKill[]
  /** Kafka is killed and started again after this many accepted mails; undefined: never. */
  readonly kafkaRestartAfterMails: number | undefined
}

export interface PlanOptions {
  readonly events: number
  readonly kills: number
  readonly notifiers: number
  readonly kafkaRestart: boolean
}

export function makePlan(random: Random, options: PlanOptions): Plan {
  const { events, kills, notifiers } = options
  const step = events / (kills + 2)
  return {
    kills: Array.from({ length: kills }, (_, index) => ({
      afterMails: Math.floor(step * (index + 0.5 + random())),
      victim: whole(random, notifiers),
      inWindow: index % 2 === 0,
    })),
    kafkaRestartAfterMails: options.kafkaRestart
      ? Math.floor(events * (0.4 + 0.2 * random()))
      : undefined,
  }
}

export function describePlan({ kills, kafkaRestartAfterMails }: Plan): string {
  const killed = kills.map(
    ({ afterMails, victim, inWindow }) => `${afterMails}:${victim}${inWindow ? '*' : ''}`,
  )
  const restart =
    kafkaRestartAfterMails === undefined ? '' : `; Kafka restarts after ${kafkaRestartAfterMails}`
  return `kills (mails accepted:notifier, * between 354 and reply) ${killed.join(' ') || 'none'}${restart}`
}
