import type { Message } from '@herald/broker'
import type { Channel } from '../channel.js'
import type { Ledger } from '../ledger/ledger.js'
import type { EventRef, MailIdentity, MailRecord } from '../ledger/mail-record.js'

/** The header of a replayed event: the name of its dead letter. */
export const replayHeader = 'herald_replay'

/** The header with the channel whose dead letter was replayed; `mail` if it is missing. */
export const replayChannelHeader = 'herald_replay_channel'

/** Whether the event is the replay of a dead letter of this channel. */
export function isReplayed(
  { headers }: Pick<Message, 'headers'>,
  { name }: Pick<Channel, 'name'>,
): boolean {
  if (headers[replayHeader] === undefined) return false
  return Buffer.from(headers[replayChannelHeader] ?? 'mail').toString() === name
}

/** The record of the event's mail. A failed mail is reopened if the event is a replay. */
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
