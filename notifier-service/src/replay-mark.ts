import type { Message } from '@herald/broker'
import type { Channel } from './channel.js'
import type { Ledger } from './ledger/ledger.js'
import type { EventRef, MailIdentity, MailRecord } from './ledger/mail-record.js'

/** The header of an event that was put to its topic again by hand: the name of that replay. */
export const replayHeader = 'herald_replay'

/** The header that says whose dead letter was replayed; `mail` where it is missing. */
export const replayChannelHeader = 'herald_replay_channel'

/** Whether the event came again because a dead letter of this channel was replayed. */
export function isReplayed(
  { headers }: Pick<Message, 'headers'>,
  { name }: Pick<Channel, 'name'>,
): boolean {
  if (headers[replayHeader] === undefined) return false
  return Buffer.from(headers[replayChannelHeader] ?? 'mail').toString() === name
}

/** What the ledger knows of the event's mail; where it had failed, a replay since lets it be tried afresh. */
export async function reopenIfReplayed(
  ledger: Ledger,
  {
    ref,
    mail,
    delivery,
    channel,
  }: {
    ref: EventRef
    mail: MailIdentity
    delivery: Pick<Message, 'headers'>
    channel: Pick<Channel, 'name'>
  },
): Promise<MailRecord | undefined> {
  const record = await ledger.find(ref)
  if (record?.state !== 'failed' || !isReplayed(delivery, channel)) return record
  const replay = Buffer.from(delivery.headers[replayHeader] ?? '').toString()
  return ledger.reopen(ref, replay.slice(0, 200), mail)
}
