import type { Logger } from '@herald/runtime/logger'
import type { Postgres, Sql } from '@herald/runtime/postgres'
import type { ConversionEvent, Progress } from '../conversion-events.js'
import { logOutages } from '../log-outages.js'
import type { ConversionIdentity, ConversionRecord } from '../record.js'

const pollMs = 2_000
/** The pause between two messages about one conversion, and how many may be under way. */
const progressPauseMs = 500
const maxProgressUnderWay = 4
/** After that time nothing more is expected of a conversion. */
const progressKeptMs = 60_000

interface RemoteProgress {
  readonly from: string
  readonly record: ConversionIdentity
  readonly progress: Progress
}

interface Row {
  /** Of the whole result; the other columns are null then. */
  readonly snapshot: string | null
  readonly record: ConversionIdentity | ConversionRecord | null
  readonly removed: boolean
}

export interface RemoteChanges {
  follow(onEvent: (event: ConversionEvent) => void): void
  sendProgress(record: ConversionIdentity, progress: Progress): void
  close(): Promise<void>
}

/**
 * What other instances change. NOTIFY is only a hint to poll at once; a poll finds each change by
 * its transaction: those whose end the poll before did not see.
 */
export async function openRemoteChanges(
  postgres: Postgres,
  { instance, channel, logger }: { instance: string; channel: string; logger: Logger },
): Promise<RemoteChanges> {
  let publish: (event: ConversionEvent) => void = () => {}
  let listeningOn: Sql | undefined
  /** What the last poll saw. */
  let lastSnapshot = await postgres.run(async (sql) => {
    const [row] = await sql`select pg_current_snapshot()::text as snapshot`
    return String(row?.['snapshot'])
  })
  let polling: Promise<void> | undefined
  let pollAgain = false
  const logged = logOutages(logger, {
    failed: 'cannot read the changes of other instances; will retry',
    again: 'the changes of other instances are read again',
  })
  let timer: NodeJS.Timeout | undefined
  const sent = new Map<string, { atMs: number; stage: string }>()
  let underWay = 0

  const onNotify = (payload: string) => {
    if (payload === instance) return
    if (!payload.startsWith('{')) return poll()
    const { from: sender, record, progress } = JSON.parse(payload) as RemoteProgress
    if (sender !== instance) publish({ kind: 'progress', record, progress })
  }
  /** Transactions that are ahead are those of a server from which a dump was restored. */
  const isNew = (sql: Sql) => sql`
    changed_by <> ${instance}
    and changed_in < pg_snapshot_xmax(pg_current_snapshot())
    and changed_in >= pg_snapshot_xmin(${lastSnapshot}::text::pg_snapshot)
    and not pg_visible_in_snapshot(changed_in, ${lastSnapshot}::text::pg_snapshot)`
  const read = (sql: Sql) => sql<Row[]>`
    select pg_current_snapshot()::text as snapshot, null::jsonb as record, false as removed
    union all
    select null, record, false from conversion where ${isNew(sql)}
    union all
    select null, identity, true from ended where ${isNew(sql)} and identity is not null`

  async function pollOnce(): Promise<void> {
    const rows = await postgres.run(async (sql) => {
      if (listeningOn !== sql) {
        // Its connections were replaced.
        await sql.listen(channel, onNotify)
        listeningOn = sql
      }
      return read(sql)
    })
    for (const { snapshot, record, removed } of rows) {
      if (snapshot !== null) lastSnapshot = snapshot
      else if (removed) publish({ kind: 'removed', record: record as ConversionIdentity })
      else publish({ kind: 'record', record: record as ConversionRecord })
    }
  }

  function poll(): void {
    if (polling) {
      pollAgain = true
      return
    }
    const pollLogged = logged(async () => {
      try {
        await pollOnce()
      } catch (error) {
        pollAgain = false
        throw error
      }
    })
    polling = pollLogged.finally(() => {
      polling = undefined
      if (!pollAgain) return
      pollAgain = false
      poll()
    })
  }

  return {
    follow(onEvent) {
      publish = onEvent
      timer = setInterval(poll, pollMs)
      poll()
    },
    sendProgress({ token, owner, key, runToken }, progress) {
      const now = performance.now()
      const last = sent.get(token)
      const isTooSoon = last?.stage === progress.stage && now - last.atMs < progressPauseMs
      if (isTooSoon || underWay >= maxProgressUnderWay) return
      for (const [each, { atMs }] of sent) if (atMs < now - progressKeptMs) sent.delete(each)
      sent.set(token, { atMs: now, stage: progress.stage })
      underWay += 1
      const record = { token, owner, key, runToken }
      const payload = JSON.stringify({ from: instance, record, progress } satisfies RemoteProgress)
      postgres
        .run((sql) => sql`select pg_notify(${channel}, ${payload})`)
        .catch(() => {})
        .finally(() => {
          underWay -= 1
        })
    },
    async close() {
      clearInterval(timer)
      publish = () => {}
      pollAgain = false
      await polling
    },
  }
}
