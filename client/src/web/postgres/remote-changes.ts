import type { Logger } from '@herald/runtime/logger'
import type { Postgres, Sql } from '@herald/runtime/postgres'
import type { ConversionEvent, Progress } from '../conversion-events.js'
import type { ConversionIdentity, ConversionRecord } from '../record.js'

const pollMs = 2_000
/** Pauses between two messages about one conversion, and at most so many under way. */
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
  /** It was removed. */
  readonly gone: boolean
  readonly id: string
}

/** The oldest transaction that is not over. */
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
 * What other instances change. NOTIFY is only a hint to look at once; a look finds each change by
 * its transaction: those that were not over at the look before, and later ones.
 */
export async function openRemoteChanges(
  postgres: Postgres,
  { instance, channel, logger }: { instance: string; channel: string; logger: Logger },
): Promise<RemoteChanges> {
  let publish: (event: ConversionEvent) => void = () => {}
  let listeningOn: Sql | undefined
  /** Transactions before that one were over at the last look. */
  let from = await postgres.run(readXmin)
  /** Of the last look: a look returns some changes again. */
  let seen = new Set<string>()
  let looking: Promise<void> | undefined
  let lookAgain = false
  let isAway = false
  let timer: NodeJS.Timeout | undefined
  const sent = new Map<string, { atMs: number; stage: string }>()
  let underWay = 0

  const onNotify = (payload: string) => {
    if (payload === instance) return
    if (!payload.startsWith('{')) return look()
    const { from: sender, record, progress } = JSON.parse(payload) as RemoteProgress
    if (sender !== instance) publish({ kind: 'progress', record, progress })
  }
  const read = (sql: Sql) => sql<Change[]>`
    select record, false as gone, changed_in || ' ' || token as id from conversion
      where changed_in >= ${from}::text::xid8 and changed_by <> ${instance}
    union all
    select identity, true, changed_in || ' ' || owner || ' ' || key from ended
      where changed_in >= ${from}::text::xid8 and changed_by <> ${instance}
        and identity is not null`

  async function lookOnce(): Promise<void> {
    // Before the changes: what is not over then is found at the next look.
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
    for (const { record, gone, id } of changes) {
      ids.add(id)
      if (seen.has(id)) continue
      publish(
        gone
          ? { kind: 'removed', record: record as ConversionIdentity }
          : { kind: 'record', record: record as ConversionRecord },
      )
    }
    seen = ids
    from = xmin
  }

  function look(): void {
    if (looking) {
      lookAgain = true
      return
    }
    looking = lookOnce()
      .then(
        () => {
          isAway = false
        },
        (error: unknown) => {
          if (!isAway) logger.warn({ err: error }, 'cannot see what other instances change')
          isAway = true
          lookAgain = false
        },
      )
      .finally(() => {
        looking = undefined
        if (!lookAgain) return
        lookAgain = false
        look()
      })
  }

  return {
    follow(onEvent) {
      publish = onEvent
      timer = setInterval(look, pollMs)
      look()
    },
    sendProgress({ token, owner, key, runToken }, progress) {
      const now = Date.now()
      const last = sent.get(token)
      const isSoon = last?.stage === progress.stage && now - last.atMs < progressPauseMs
      if (isSoon || underWay >= maxProgressUnderWay) return
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
      lookAgain = false
      await looking
    },
  }
}
