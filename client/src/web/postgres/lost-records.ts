import { maxTakenAtOnce } from '../records.js'
import type { recordStatements } from './record-statements.js'

/** Longer than the work on a record takes between two changes, unless it is a running conversion. */
const idleMs = 60_000
const pauseMs = 30_000

/**
 * What this instance holds without knowing it: a write took effect, and its reply was lost with the
 * connection. Checked regularly.
 */
export function lostRecords(
  select: ReturnType<typeof recordStatements>['select'],
  instance: string,
) {
  let lookedAtMs = Number.NEGATIVE_INFINITY
  return {
    async find(isRunning: (token: string) => boolean) {
      if (performance.now() - lookedAtMs < pauseMs) return []
      const idle = await select(
        (sql) => sql`
          where holder = ${instance} and (is_open or is_unpublished) and not is_expected
            and (is_open or record #>> '{announcement,entryId}' = '')
            and (record ->> 'updatedAtMs')::bigint
              < extract(epoch from clock_timestamp()) * 1000 - ${idleMs}
          limit ${maxTakenAtOnce}`,
      )
      lookedAtMs = performance.now()
      return idle.filter(({ token }) => !isRunning(token))
    },
  }
}
