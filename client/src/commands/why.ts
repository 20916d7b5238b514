import { jsonLine, padded, shown } from '@herald/runtime/terminal-text'
import { withOutbox } from '../announcer.js'
import type { CommandContext } from '../command-context.js'
import { loadConfig } from '../config.js'
import { openNotifierDesk } from '../why/ask-notifier.js'
import { clock } from '../why/clock.js'
import { type EventStory, type Story, tellStory } from '../why/story.js'
import { timelineOf } from '../why/timeline.js'
import { verdictOf } from '../why/verdict.js'

/**
 * Prints what became of a conversion or an event. Resolves to 0 where all that can be known is
 * told, to 3 where nothing is known, to 5 where the notifier could not be asked.
 */
export async function whyCommand(
  id: string,
  options: { json?: boolean },
  { env, terminal, signal }: CommandContext,
): Promise<number> {
  const config = loadConfig(env)
  return withOutbox(config, async (kept) => {
    const desk = openNotifierDesk(config.notifier, signal)
    const story = await tellStory(kept.outbox, desk, id)
    const now = new Date()
    if (options.json) {
      terminal.print(jsonLine(jsonOf(story, now, config.command)))
    } else {
      for (const event of story.events) {
        for (const line of linesOf(event, story.silence, now, config.command)) terminal.print(line)
      }
      if (story.events.length === 0) terminal.tell(`herald: ${shown(unknown(story))}`)
      else if (story.silence) terminal.tell(`herald: ${shown(story.silence)}.`)
    }
    await kept.catchUp()
    if (story.silence !== undefined) return 5
    return story.events.length === 0 ? 3 : 0
  })
}

function unknown({ id, silence }: Story): string {
  const here = `Not known here: the outbox of this machine has nothing of ${id}`
  return silence === undefined ? `${here}, nor has the notifier.` : `${here}, and ${silence}.`
}

function linesOf(
  event: EventStory,
  silence: string | undefined,
  now: Date,
  command: string,
): string[] {
  const to = event.mail?.recipient ? `  to ${event.mail.recipient}` : ''
  const steps = timelineOf(event).map(({ at, what }) => [at ? clock(at, now) : '', what] as const)
  const width = Math.max(0, ...steps.map(([time]) => time.length))
  return [
    shown(`${event.eventId}${to}`),
    ...steps.map(([time, what]) => `  ${padded(time, width)}  ${shown(what)}`),
    `  ${shown(verdictOf(event, silence, now, command).sentence)}`,
  ]
}

/**
 * `id` as asked; `known`; `notifier`: null where it answered, else why not; `events` [{eventId,
 * conversionId, recipient, standing, sentence, file, topic, partition, offset, state, attempts,
 * reply, messageId, nextAttemptAt, timeline [{at, what}]}]. What is not known is null.
 */
function jsonOf({ id, events, silence }: Story, now: Date, command: string) {
  return {
    id,
    known: events.length > 0,
    notifier: silence ?? null,
    events: events.map((event) => ({
      eventId: event.eventId,
      conversionId: event.conversionId ?? null,
      recipient: event.mail?.recipient ?? null,
      ...verdictOf(event, silence, now, command),
      file: event.outbox?.label ?? null,
      topic: event.outbox?.topic ?? event.mail?.topic ?? null,
      partition: event.outbox?.partition ?? event.mail?.partition ?? null,
      offset: event.outbox?.offset ?? event.mail?.offset ?? null,
      state: event.mail?.state ?? null,
      attempts: event.mail?.attempts ?? null,
      reply: event.mail?.reply ?? null,
      messageId: event.mail?.messageId ?? null,
      nextAttemptAt: event.mail?.nextAttemptAt?.toISOString() ?? null,
      timeline: timelineOf(event).map(({ at, what }) => ({ at: at?.toISOString() ?? null, what })),
    })),
  }
}
