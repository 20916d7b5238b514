import type { Postgres, Sql } from '@herald/runtime/postgres'
import type { ConversionRecord } from '../record.js'
import { toJson } from './json.js'

const nothing = (sql: Sql) => sql``

/** A part of a statement. */
type Fragment = (sql: Sql) => ReturnType<typeof nothing>

type Row = { readonly record: ConversionRecord }

/** The value as jsonb. */
export const json = (value: unknown) => (sql: Sql) => sql`${toJson(value)}::text::jsonb`

/** The statements that read and change records. */
export function recordStatements({ run }: Postgres, instance: string, channel: string) {
  return {
    /** The records that `rest`, such as `where …`, selects. */
    async select(rest: Fragment): Promise<ConversionRecord[]> {
      const rows = await run((sql) => sql<Row[]>`select record from conversion ${rest(sql)}`)
      return rows.map(({ record }) => record)
    },
    /**
     * Changes the records that `where` selects, and resolves to them. `columns`: what else is set.
     * `ends`: an upload of theirs is refused from now on.
     */
    async update(
      changes: Fragment,
      where: Fragment,
      { columns = nothing, ends = false }: { columns?: Fragment; ends?: boolean } = {},
    ): Promise<ConversionRecord[]> {
      const rows = await run(
        (sql) => sql<Row[]>`
          with changed as (
            update conversion set
              record = record || ${changes(sql)} || jsonb_build_object(
                'updatedAtMs', floor(extract(epoch from clock_timestamp()) * 1000)),
              changed_in = pg_current_xact_id(), changed_by = ${instance} ${columns(sql)}
            where ${where(sql)} returning record, owner, key
          ), ending as (
            insert into ended (owner, key, changed_by)
            select distinct owner, key, ${instance} from changed where ${ends}::boolean
            on conflict (owner, key) do update set at = now()
          ) select record, pg_notify(${channel}, ${instance}) from changed`,
      )
      return rows.map(({ record }) => record)
    },
  }
}
