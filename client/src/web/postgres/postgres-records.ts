import type { Logger } from '@herald/runtime/logger'
import { migrate, openPostgres, type PostgresTarget } from '@herald/runtime/postgres'
import { v7 as uuidv7 } from 'uuid'
import { sumOfSizes } from '../record.js'
import { maxTakenAtOnce, newToken, type Records } from '../records.js'
import { holdLease } from './instance-lease.js'
import { messageFromJson, messageToJson, toJson } from './json.js'
import { lostRecords } from './lost-records.js'
import { migrations } from './migrations.js'
import { json, recordStatements } from './record-statements.js'
import { openRemoteChanges } from './remote-changes.js'
import { sharedCounters } from './shared-counters.js'

/** Records in PostgreSQL, for several instances. Each change is one statement. */
export async function openPostgresRecords(
  target: PostgresTarget,
  logger: Logger,
): Promise<Records> {
  const postgres = openPostgres(target, { applicationName: 'herald-web' })
  const instance = newToken()
  const channel = `herald_web_${target.schema}`
  const { run } = postgres

  const { update, select } = recordStatements(postgres, instance, channel)
  const held = json({ holder: instance, isExpected: false })
  const isEnded = async (owner: string, key: string) => {
    const found = await run((sql) => sql`select from ended where owner = ${owner} and key = ${key}`)
    return found.length > 0
  }
  try {
    await migrate(postgres, migrations)
    const [setting] = await run(
      (sql) => sql`
        insert into setting (name, value) values ('installation', ${newToken()})
        on conflict (name) do update set value = setting.value returning value`,
    )
    // A restored backup may come from a server that had more transactions.
    await run(
      (sql) => sql`
        update conversion set changed_in = pg_current_xact_id()
        where changed_in > pg_current_xact_id()`,
    )
    const remote = await openRemoteChanges(postgres, { instance, channel, logger })
    const lease = await holdLease(postgres, instance, logger)
    const lost = lostRecords(select, instance)
    return {
      installation: String(setting?.['value']),
      instance,
      isShared: true,
      now: lease.now,
      async get(token) {
        const [found] = await select((sql) => sql`where token = ${token}`)
        return found
      },
      ofOwner: (owner, limit = 1000) =>
        select(
          (sql) =>
            sql`where owner = ${owner} order by created_at_ms desc, token desc limit ${limit}`,
        ),
      ofRun: (runToken) =>
        select(
          (sql) => sql`where run_token = ${runToken} order by created_at_ms, token limit 1000`,
        ),
      expired: (beforeMs) =>
        select(
          (sql) => sql`
            where not is_open and finished_at_ms > 0 and finished_at_ms < ${beforeMs}
            order by finished_at_ms limit ${maxTakenAtOnce}`,
        ),
      deleted: (beforeMs) =>
        select((sql) => sql`where deleted_at_ms < ${beforeMs} limit ${maxTakenAtOnce}`),
      async preview(token) {
        const [found] = await run(
          (sql) => sql`select preview from conversion where token = ${token}`,
        )
        return found?.['preview'] ?? undefined
      },
      async message(token) {
        const [found] = await run(
          (sql) => sql`select message from conversion where token = ${token}`,
        )
        return found?.['message'] ? messageFromJson(found['message']) : undefined
      },
      async run(runToken, owner) {
        const [found] = await run(
          (sql) => sql<{ run_id: string; owner: string }[]>`
            insert into run (run_token, run_id, owner) values (${runToken}, ${uuidv7()}, ${owner})
            on conflict (run_token) do update set active_at = now() returning run_id, owner`,
        )
        return { runId: found?.run_id ?? '', owner: found?.owner ?? '' }
      },
      async put(record) {
        await run(
          (sql) => sql`
            with put as (
              insert into conversion (token, record, bytes, changed_by)
              values (${record.token}, ${toJson(record)}::text::jsonb,
                ${sumOfSizes(record.files)}, ${instance})
            ) select pg_notify(${channel}, ${instance})`,
        )
      },
      async change(token, changes) {
        const [changed] = await update(json(changes), (sql) => sql`token = ${token}`)
        return changed
      },
      async finish(token, changes, { preview, message }) {
        const [changed] = await update(
          json(changes),
          (sql) => sql`token = ${token} and is_open and holder = ${instance}`,
          {
            columns: (sql) => sql`, bytes = ${sumOfSizes(changes.files ?? [])},
              preview = coalesce(${preview ?? null}::bytea, preview),
              message = ${message ? messageToJson(message) : null}::text::jsonb`,
          },
        )
        return changed
      },
      async changeAnnouncement(token, changes) {
        const isPublished = (changes.publishedAtMs ?? 0) > 0
        const [changed] = await update(
          (sql) =>
            sql`jsonb_build_object('announcement', record -> 'announcement' || ${json(changes)(sql)})`,
          (sql) => sql`token = ${token} and is_unpublished`,
          { columns: (sql) => (isPublished ? sql`, message = null` : sql``) },
        )
        return changed
      },
      async addOutcome(eventId, mail) {
        const [changed] = await update(json({ mail }), (sql) => sql`event_id = ${eventId}`)
        return changed
      },
      async remove({ token, owner, key, runToken }) {
        const identity = toJson({ token, owner, key, runToken })
        await run(
          (sql) => sql`
            with gone as (delete from conversion where token = ${token}),
            ending as (
              insert into ended (owner, key, identity, changed_by)
              values (${owner}, ${key}, ${identity}::text::jsonb, ${instance})
              on conflict (owner, key) do update set identity = excluded.identity, at = now(),
                changed_in = pg_current_xact_id(), changed_by = excluded.changed_by
            ) select pg_notify(${channel}, ${instance})`,
        )
      },

      async takeExpected(owner, key, forUpload) {
        const [taken] = await update(
          held,
          (sql) => sql`is_expected and token = (
            select token from conversion
            where owner = ${owner} and key = ${key} and is_expected limit 1 for update)`,
          { ends: !forUpload },
        )
        return taken ?? (forUpload && (await isEnded(owner, key)) ? 'ended' : undefined)
      },
      takeIdle: (pauseMs) =>
        update(
          held,
          (sql) => sql`token in (
            select token from conversion c where is_expected and not exists (
              select from run where run_token = c.run_token
                and active_at > now() - ${pauseMs} * interval '1 ms')
            limit ${maxTakenAtOnce} for update skip locked)`,
          { ends: true },
        ),
      async keepActive(runTokens) {
        if (runTokens.length === 0) return
        await run(
          (sql) => sql`update run set active_at = now() where run_token in ${sql(runTokens)}`,
        )
      },
      async takeOver(isRunning) {
        const left = await update(
          json({ holder: instance }),
          (sql) => sql`token in (
            select token from conversion c
            where (is_open or is_unpublished) and not is_expected and holder <> ${instance}
              and not exists (select from instance where id = c.holder)
            limit ${maxTakenAtOnce} for update skip locked)`,
        )
        return [...left, ...(await lost.find(isRunning))]
      },

      ...sharedCounters(postgres),
      follow: remote.follow,
      sendProgress: remote.sendProgress,
      async close() {
        await remote.close()
        await lease
          .release()
          .catch((error: unknown) =>
            logger.warn({ err: error }, 'could not release the lease of this instance'),
          )
        await postgres.close()
      },
    }
  } catch (error) {
    await postgres.close()
    throw error
  }
}
