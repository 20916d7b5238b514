import { mkdtempSync } from 'node:fs'
import { join } from 'node:path'
import type { Ledger } from '@herald/notifier-service/ledger/ledger'
import { openLmdbLedger } from '@herald/notifier-service/ledger/lmdb-ledger'
import type { EventRef, MailIdentity } from '@herald/notifier-service/ledger/mail-record'
import { v7 as uuidv7 } from 'uuid'
import { runConcurrently } from './per-second.js'

/** Mails recorded at once share a transaction. */
const atOnce = 10_000
/** Mails recorded at a time during the measurement. */
const concurrency = 32
const outcome = { state: 'accepted', reply: '250 2.0.0 ok' } as const

export interface FilledLedger {
  /** Records `mails` as delivered: find, begin, settle, outcome. Resolves to the mean cost in µs. */
  cost(mails: number): Promise<number>
  close(): Promise<void>
}

/**
 * A ledger in a fresh folder with this many delivered mails. Each has about 1 KB: the record with one
 * attempt, which is found by its event and by its conversion; its outcome is published.
 */
export async function openFilledLedger(folder: string, entries: number): Promise<FilledLedger> {
  const ledger = await openLmdbLedger({ directory: mkdtempSync(join(folder, 'ledger-')) })
  for (let at = 0; at < entries; at += atOnce) {
    const mails = Array.from({ length: Math.min(atOnce, entries - at) }, newMail)
    const records = await Promise.all(
      mails.map(({ event, mail }) => ledger.settle(event, mail, outcome)),
    )
    await ledger.markAnnounced(
      mails.map(({ event }, index) => ({ event, record: records[index] as (typeof records)[0] })),
    )
  }
  return {
    async cost(mails) {
      const from = performance.now()
      await runConcurrently(mails, concurrency, () => deliver(ledger))
      for (let announced = 0; announced < mails; ) {
        const pending = await ledger.pendingOutcomes(concurrency)
        await ledger.markAnnounced(pending)
        announced += pending.length
      }
      return ((performance.now() - from) * 1000) / mails
    },
    close: () => ledger.close(),
  }
}

async function deliver(ledger: Ledger): Promise<void> {
  const { event, mail } = newMail()
  if ((await ledger.find(event)) !== undefined) throw new Error('the ledger already has a new mail')
  await ledger.begin(event, mail)
  await ledger.settle(event, mail, outcome)
}

function newMail(): { event: EventRef; mail: MailIdentity } {
  const id = uuidv7()
  return {
    event: { id, source: '//herald.bench/publisher' },
    mail: {
      eventIds: [id],
      recipient: `reader-${id.slice(-6)}@example.com`,
      from: 'Herald <herald@localhost>',
      messageId: `<${id}@localhost>`,
      template: '1/en',
      conversionId: id,
      runId: id,
      origin: { topic: 'notifications', partition: 0, offset: '0' },
    },
  }
}
