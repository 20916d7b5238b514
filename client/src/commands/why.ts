import { escapeControls, jsonLine, padded } from '@herald/runtime/terminal-text'
import { withOutbox } from '../announcer.js'
import type { CommandContext } from '../command-context.js'
import { loadConfig } from '../config.js'
import { clock, explain } from '../why/explain.js'
import { openNotifierApi } from '../why/notifier-api.js'
import { type EventStory, findStory, type Story, timelineOf } from '../why/story.js'

/**
 * Prints what happened to a conversion or an event. Resolves to the exit status: 3 if the id is
 * unknown, 5 if the notifier does not answer.
 */
export async function whyCommand(
  id: string,
  options: { json?: boolean },
  { env, terminal, signal }: CommandContext,
): Promise<number> {
  const config = loadConfig(env)
  return withOutbox(config, async (kept) => {
    const notifier = openNotifierApi(config.notifier, signal)
    const story = await findStory(kept.outbox, notifier, id)
    const now = new Date()
    if (options.json) {
      terminal.print(jsonLine(jsonOf(story, now, config.command)))
    } else {
      for (const event of story.events) {
        for (const line of linesOf(event, story.unavailable, now, config.command))
          terminal.print(line)
      }
      if (story.events.length === 0) terminal.log(`herald: ${escapeControls(unknown(story))}`)
      else if (story.unavailable) terminal.log(`herald: ${escapeControls(story.unavailable)}.`)
    }
    await kept.catchUp()
    if (story.unavailable !== undefined) return 5
    return story.events.length === 0 ? 3 : 0
  })
}

function unknown({ id, unavailable }: Story): string {
  return unavailable === undefined
    ? `Unknown id ${id}: neither the outbox of this machine nor the notifier has it.`
    : `Unknown id ${id}: the outbox of this machine does not have it, and ${unavailable}.`
}

function linesOf(
  event: EventStory,
  unavailable: string | undefined,
  now: Date,
  command: string,
): string[] {
  const to = event.mail?.recipient ? `  to ${event.mail.recipient}` : ''
  const steps = timelineOf(event).map(({ at, what }) => [at ? clock(at, now) : '', what] as const)
  const width = Math.max(0, ...steps.map(([time]) => time.length))
  return [
    escapeControls(`${event.eventId}${to}`),
    ...steps.map(([time, what]) => `  ${padded(time, width)}  ${escapeControls(what)}`),
    `  ${escapeControls(explain(event, unavailable, now, command).sentence)}`,
  ]
}

/**
 * `id` as given; `known`; `notifier`: null if it answered, else why not; `events` [{eventId,
 * conversionId, recipient, status, sentence, file, topic, partition, offset, state, attempts,
 * reply, messageId, nextAttemptAt, timeline [{at, what}]}]. What is not known is null.
 */
function jsonOf({ id, events, unavailable }: Story, now: Date, command: string) {
  return {
    id,
    known: events.length > 0,
    notifier: unavailable ?? null,
    events: events.map((event) => ({
      eventId: event.eventId,
      conversionId: event.conversionId ?? null,
      recipient: event.mail?.recipient ?? null,
      ...explain(event, unavailable, now, command),
      file: event.inOutbox?.entry.label ?? null,
      topic: event.inOutbox?.entry.topic ?? event.mail?.topic ?? null,
      partition: event.inOutbox?.publishedTo?.partition ?? event.mail?.partition ?? null,
      offset: event.inOutbox?.publishedTo?.offset ?? event.mail?.offset ?? null,
      state: event.mail?.state ?? null,
      attempts: event.mail?.attempts ?? null,
      reply: event.mail?.reply ?? null,
      messageId: event.mail?.messageId ?? null,
      nextAttemptAt: event.mail?.nextAttemptAt?.toISOString() ?? null,
      timeline: timelineOf(event).map(({ at, what }) => ({ at: at?.toISOString() ?? null, what })),
    })),
  }
}
