import { StoreError } from '../store/store-error.js'
import type { Postgres } from './open-postgres.js'

/**
 * Applies those of `migrations` that the schema does not have yet, in order, in one transaction under a
 * lock, and creates the schema if it is absent. A migration is SQL; its number is its position from
 * 1, so a published one is never changed. Rejects with StoreError if a later version wrote the schema.
 */
export async function migrate(postgres: Postgres, migrations: readonly string[]): Promise<void> {
  const { schema } = postgres
  await postgres.transaction(async (sql) => {
    await sql`select pg_advisory_xact_lock(hashtextextended(${`herald ${schema}`}, 0))`
    const [found] = await sql`select to_regnamespace(${schema}) is not null as exists`
    // Not "if not exists": that takes the right to create it even if it is there.
    if (!found?.['exists']) await sql.unsafe(`create schema ${schema}`)
    const [table] = await sql`select to_regclass(${`${schema}.migration`}) is not null as exists`
    if (!table?.['exists']) {
      await sql.unsafe(
        `create table ${schema}.migration (number int primary key, applied_at timestamptz not null default now())`,
      )
    }
    const [last] = await sql`select coalesce(max(number), 0) as number from migration`
    const applied = Number(last?.['number'])
    if (applied > migrations.length) {
      throw new StoreError(
        'STORE_FAILED',
        `The schema ${schema} has version ${applied}; this version of Herald reads version ${migrations.length}. Use the version of Herald that wrote it, or a later one.`,
      )
    }
    for (const [index, migration] of migrations.entries()) {
      if (index < applied) continue
      await sql.unsafe(migration)
      await sql`insert into migration (number) values (${index + 1})`
    }
  })
}
