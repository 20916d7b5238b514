import { mkdtempSync } from 'node:fs'
import { join } from 'node:path'
import type { Ledger } from '@herald/notifier-service/ledger/ledger'
import { openLmdbLedger } from '@herald/notifier-service/ledger/lmdb-ledger'
import type { EventRef, MailIdentity } from '@herald/notifier-service/ledger/mail-record'
import { v7 as uuidv7 } from 'uuid'
import { inLanes } from './per-second.js'

/** Entries made at once share a transaction. */
const atOnce = 10_000
/** Mails under way at a time, as with eight connections. */
const lanes = 32
const outcome = { state: 'accepted', reply: '250 2.0.0 taken' } as const

export interface FilledLedger {
  /** What a delivered mail costs it, in µs: looked up, begun, settled, its outcome taken; mean of `mails`. */
  cost(mails: number): Promise<number>
  close(): Promise<void>
}

/**
 * A ledger in a folder of its own that remembers so many mails. An entry is what a delivered mail
 * leaves, about 1 KB: the record with one attempt in its history, found by its event and by its
 * conversion, the outcome announced.
 */
export async function openFilledLedger(folder: string, entries: number): Promise<FilledLedger> {
  const ledger = await openLmdbLedger({ directory: mkdtempSync(join(folder, 'ledger-')) })
  for (let at = 0; at < entries; at += atOnce) {
    const some = Array.from({ length: Math.min(atOnce, entries - at) }, newMail)
    const records = await Promise.all(
      some.map(({ event, mail }) => ledger.settle(event, mail, outcome)),
    )
    await ledger.markAnnounced(
      some.map(({ event }, index) => ({ event, record: records[index] as (typeof records)[0] })),
    )
  }
  return {
    async cost(mails) {
      const from = performance.now()
      await inLanes(mails, lanes, () => deliver(ledger))
      for (let announced = 0; announced < mails; ) {
        const pending = await ledger.pendingOutcomes(lanes)
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
  if ((await ledger.find(event)) !== undefined)
    throw new Error('the ledger knows a mail that is new')
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
