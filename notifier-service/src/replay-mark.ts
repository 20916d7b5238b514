import type { Message } from '@herald/broker'
import type { EventRef, Ledger, MailRecord } from './ledger/ledger.js'

/** The header of an event that was put to its topic again by hand: the name of that replay. */
export const replayHeader = 'herald_replay'

/** What the ledger knows of the event's mail; where it had failed, a replay since lets it be tried afresh. */
export async function reopenIfReplayed(
  ledger: Ledger,
  ref: EventRef,
  { headers }: Pick<Message, 'headers'>,
): Promise<MailRecord | undefined> {
  const record = ledger.find(ref)
  const replay = headers[replayHeader]
  if (record?.state !== 'failed' || replay === undefined) return record
  return ledger.reopen(ref, Buffer.from(replay).toString().slice(0, 200))
}
