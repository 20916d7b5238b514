import { duration, InvalidValue, restricted, variable } from '@herald/runtime'
import {
  nameOf,
  type PostgresTarget,
  parsePostgresUrl,
  postgresParameters,
  postgresUrlForm,
} from '@herald/runtime/postgres'

/** A folder of this machine, or a database for several. */
export type LedgerLocation =
  | { readonly directory: string }
  | { readonly target: PostgresTarget; readonly leaseMs: number }

/** For people: of notifiers that share a consumer group it should be the same. */
export function nameOfLedger(location: LedgerLocation): string {
  if ('directory' in location) return location.directory
  const { target } = location
  return `PostgreSQL at ${nameOf(target)}, schema ${target.schema}`
}

const lease = restricted(duration('15s'), (ms) => ms >= 1000 && ms <= 600_000, '')

/**
 * HERALD_LEDGER. Each program has a schema of its own, whose name ends with `program`, because a mail
 * and a webhook request about the same event are not the same.
 */
export const ledgerUrl = (program: 'mail' | 'webhook') =>
  variable(
    (given) => {
      const target = parsePostgresUrl(given, { schema: 'herald', allowed: ['lease'] })
      const leaseMs = lease.parse(target.parameters['lease'] ?? '15s')
      if (leaseMs === undefined) throw new InvalidValue('lease is not a duration from 1s to 10m')
      return { target: { ...target, schema: `${target.schema}_${program}` }, leaseMs }
    },
    {
      optional: true,
      form: `${postgresUrlForm}, with &lease= from 1s to 10m`,
      shownParameters: [...postgresParameters, 'lease'],
    },
  )
