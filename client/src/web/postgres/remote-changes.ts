import type { Logger } from '@herald/runtime/logger'
import type { Postgres, Sql } from '@herald/runtime/postgres'
import type { ConversionEvent, Progress } from '../conversion-events.js'
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

interface Change {
  readonly record: ConversionIdentity | ConversionRecord
  readonly removed: boolean
  readonly id: string
}

/** The oldest transaction that has not ended. */
async function readXmin(sql: Sql): Promise<string> {
  const [row] = await sql`select pg_snapshot_xmin(pg_current_snapshot())::text as xmin`
  return String(row?.['xmin'])
}

export interface RemoteChanges {
  follow(onEvent: (event: ConversionEvent) => void): void
  sendProgress(record: ConversionIdentity, progress: Progress): void
  close(): Promise<void>
}

/**
 * What other instances change. NOTIFY is only a hint to poll at once; a poll finds each change by
 * its transaction: those that had not ended at the poll before, and later ones.
 */
export async function openRemoteChanges(
  postgres: Postgres,
  { instance, channel, logger }: { instance: string; channel: string; logger: Logger },
): Promise<RemoteChanges> {
  let publish: (event: ConversionEvent) => void = () => {}
  let listeningOn: Sql | undefined
  /** Transactions before that one had ended at the last poll. */
  let oldestOpen = await postgres.run(readXmin)
  /** Of the last poll: the next one returns some of its changes again. */
  let seen = new Set<string>()
  let polling: Promise<void> | undefined
  let pollAgain = false
  let isUnreachable = false
  let timer: NodeJS.Timeout | undefined
  const sent = new Map<string, { atMs: number; stage: string }>()
  let underWay = 0

  const onNotify = (payload: string) => {
    if (payload === instance) return
    if (!payload.startsWith('{')) return poll()
    const { from: sender, record, progress } = JSON.parse(payload) as RemoteProgress
    if (sender !== instance) publish({ kind: 'progress', record, progress })
  }
  const read = (sql: Sql) => sql<Change[]>`
    select record, false as removed, changed_in || ' ' || token as id from conversion
      where changed_in >= ${oldestOpen}::text::xid8 and changed_by <> ${instance}
    union all
    select identity, true, changed_in || ' ' || owner || ' ' || key from ended
      where changed_in >= ${oldestOpen}::text::xid8 and changed_by <> ${instance}
        and identity is not null`

  async function pollOnce(): Promise<void> {
    // Read before the changes: what has not ended by then is found at the next poll.
    const xmin = await postgres.run(readXmin)
    const changes = await postgres.run(async (sql) => {
      if (listeningOn !== sql) {
        // Its connections were replaced.
        await sql.listen(channel, onNotify)
        listeningOn = sql
      }
      return read(sql)
    })
    const ids = new Set<string>()
    for (const { record, removed, id } of changes) {
      ids.add(id)
      if (seen.has(id)) continue
      publish(
        removed
          ? { kind: 'removed', record: record as ConversionIdentity }
          : { kind: 'record', record: record as ConversionRecord },
      )
    }
    seen = ids
    oldestOpen = xmin
  }

  function poll(): void {
    if (polling) {
      pollAgain = true
      return
    }
    polling = pollOnce()
      .then(
        () => {
          isUnreachable = false
        },
        (error: unknown) => {
          if (!isUnreachable)
            logger.warn({ err: error }, 'cannot read the changes of other instances')
          isUnreachable = true
          pollAgain = false
        },
      )
      .finally(() => {
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
