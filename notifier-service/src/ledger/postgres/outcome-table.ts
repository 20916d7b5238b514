import type { Postgres } from '@herald/runtime/postgres'
import type { NamedMail } from '../ledger.js'
import { isFinal } from '../mail-states.js'
import { keyOf } from './mail-table.js'

/** As Ledger.pendingOutcomes, of that holder. */
export async function pendingOutcomes(
  postgres: Postgres,
  holder: string,
  limit: number,
  isWanted: (outcome: NamedMail) => boolean,
): Promise<NamedMail[]> {
  const pending: NamedMail[] = []
  for (let last = { id: '', source: '' }; pending.length < limit; ) {
    const rows = await postgres.run(
      (sql) => sql`
        select o.id, o.source, o.event, m.record from outcome o join mail m using (id, source)
        where (o.id, o.source) > (${last.id}, ${last.source}) and (o.holder = ${holder}
          or not exists (select from holder h where h.name = o.holder))
        order by o.id, o.source limit ${limit}`,
    )
    for (const { event, record } of rows as unknown as NamedMail[]) {
      // A mail that was reopened since will have another outcome.
      if (!isFinal(record) || pending.length === limit) continue
      if (isWanted({ event, record })) pending.push({ event, record })
    }
    if (rows.length < limit) break
    last = rows.at(-1) as unknown as typeof last
  }
  return pending
}

/** Removes outcomes, but not those of mails that were reopened and settled again. */
export async function markAnnounced(
  postgres: Postgres,
  outcomes: readonly NamedMail[],
): Promise<void> {
  const rows = outcomes.map(({ event, record }) => ({
    ...keyOf(event),
    updated: record.updatedAt,
  }))
  await postgres.run(
    (sql) => sql`
      delete from outcome o using json_to_recordset(${JSON.stringify(rows)}::text::json)
        as t(id text, source text, updated bigint)
      where o.id = t.id and o.source = t.source and o.updated_at = t.updated`,
  )
}
