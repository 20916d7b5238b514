import { createHash } from 'node:crypto'
import type { Channel } from './channel.js'
import { isReplayed } from './replay-mark.js'
import type { Task } from './task.js'

/** The run that an event is to be gathered with, and its size (0: not known); undefined where it goes alone. */
export function runToGather(
  { fault, mail, record, received: [{ event }], deliveries }: Task,
  channel: Pick<Channel, 'name'>,
): { run: string; runSize: number } | undefined {
  const { runId, runSize } = event.data
  if (runId === '' || runSize === 1 || fault !== undefined) return undefined
  // What was attempted is sent again as it was.
  const isNew = record === undefined || (record.replay !== undefined && record.attempts === 0)
  if (!isNew) return undefined
  // A stranger's key may be shared by several recipients, and none may see the others' files.
  const run = createHash('sha256')
    .update(JSON.stringify([runId, mail.recipient]))
    .digest('hex')
  // Nobody knows how many of a run are replayed.
  const replayed = deliveries.some((delivery) => isReplayed(delivery, channel))
  return { run, runSize: replayed ? 0 : runSize }
}
