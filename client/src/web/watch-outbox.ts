import type { RelayableOutbox } from '@herald/broker/outbox'
import type { Logger } from '@herald/runtime/logger'
import type { NewsDesk } from './news.js'
import type { ConversionRecord } from './record.js'
import type { Records } from './records.js'

export interface OutboxWatch {
  /** Looks after the announcement of that record until it is published. */
  follow(record: ConversionRecord): void
  close(): Promise<void>
}

/** Notes when an announcement is published, and why it is not. */
export function watchOutbox(
  outbox: RelayableOutbox,
  { records, news, logger }: { records: Records; news: NewsDesk; logger: Logger },
): OutboxWatch {
  const followed = new Map<string, string>()
  let looking: Promise<void> | undefined
  let again = false

  for (const record of records.all()) {
    if (record.announcement?.publishedAtMs === 0) {
      followed.set(record.token, record.announcement.entryId)
    }
  }
  const stopNews = news.listen((event) => {
    if (event.kind === 'record') follow(event.record)
  })
  const stopListening = outbox.listen(look)

  function follow({ token, announcement }: ConversionRecord): void {
    if (announcement?.publishedAtMs !== 0 || followed.has(token)) return
    followed.set(token, announcement.entryId)
    look()
  }

  function look(): void {
    again = true
    if (followed.size === 0) return
    looking ??= (async () => {
      while (again) {
        again = false
        const kept = new Map(outbox.entries().map(({ id, lastFault }) => [id, lastFault ?? '']))
        for (const [token, entryId] of [...followed]) await settle(token, kept.get(entryId))
      }
    })()
      .catch((error: unknown) => logger.warn({ err: error }, 'could not look into the outbox'))
      .finally(() => {
        looking = undefined
      })
  }

  /** `lastFault`: of the entry, where it is still kept. */
  async function settle(token: string, lastFault: string | undefined): Promise<void> {
    const { announcement } = records.get(token) ?? {}
    if (announcement && lastFault !== undefined) {
      if (lastFault !== announcement.lastFault) await note(token, { ...announcement, lastFault })
      return
    }
    followed.delete(token)
    if (!announcement) return
    await note(token, { ...announcement, publishedAtMs: Date.now(), lastFault: '' })
  }

  async function note(token: string, announcement: ConversionRecord['announcement']) {
    const record = await records.change(token, { announcement })
    if (record) news.tell({ kind: 'record', record })
  }

  look()
  return {
    follow,
    async close() {
      stopNews()
      stopListening()
      await looking
    },
  }
}
