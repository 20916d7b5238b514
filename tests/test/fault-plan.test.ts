import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { countAtSink } from '#src/faults/count'
import { makeEvent } from '#src/faults/events'
import { guards } from '#src/faults/guards'
import { makePlan } from '#src/faults/plan'
import { seeded } from '#src/faults/seeded'
import type { Send } from '#src/faults/send'
import { longestDelays } from '#src/faults/under-load'

describe('the plan of the faults', () => {
  const options = { events: 10_000, kills: 34, notifiers: 3, kafkaRestart: true }

  test('is the same for the same seed, and another for another', () => {
    expect(makePlan(seeded(1), options)).toEqual(makePlan(seeded(1), options))
    expect(makePlan(seeded(1), options)).not.toEqual(makePlan(seeded(2), options))
  })

  test('kills in order, every notifier, and before the mail is through', () => {
    const { kills, kafkaRestartAfterMails } = makePlan(seeded(3), options)
    const at = kills.map(({ afterMails }) => afterMails)
    expect(at).toEqual([...at].sort((one, other) => one - other))
    expect(at.at(-1)).toBeLessThan(options.events)
    expect(new Set(kills.map(({ victim }) => victim)).size).toBe(3)
    expect(kafkaRestartAfterMails).toBeLessThan(options.events)
  })
})

describe('the count at the mail server', () => {
  const events = [0, 1, 2].map((position) => makeEvent('ada@example.com', position))
  let bodies = 0
  const send = (position: number, verdict: Send['verdict'] = 'accept') => {
    bodies += 1
    return { eventId: events[position]?.id, verdict, bodySequence: bodies } as Send
  }

  test('takes a lost 250 for a mail, and a refusal for none', () => {
    const count = countAtSink(events, [send(0, 'lose-reply'), send(0), send(1, '451 later')])
    expect(count).toMatchObject({ unique: 1, duplicates: 1, outOfOrder: 0 })
    expect(count.lost).toEqual([events[1]?.id, events[2]?.id])
  })

  test('judges the order by the first mail of each event', () => {
    expect(countAtSink(events, [send(0), send(1), send(0), send(2)]).outOfOrder).toBe(0)
    expect(countAtSink(events, [send(0), send(2), send(1)]).outOfOrder).toBe(1)
  })

  test('counts mails of unknown events', () => {
    expect(countAtSink(events.slice(0, 2), [send(2)]).unknownEvents).toBe(1)
  })
})

describe('the longest delay of the mails of a recipient', () => {
  const period = { name: 'a fault', begunAt: 1000, endedAt: 2000, caughtUpAt: 10_000 }
  const events = [0, 1].map((position) => makeEvent('ada@example.com', position))
  const mailed = (at: number, bodyAt: number) =>
    ({ eventIds: [events[at]?.id], verdict: 'accept', bodyAt }) as unknown as Send
  const ms = (publishedAt: number[], sends: Send[]) =>
    longestDelays(period, events, publishedAt, sends).map((delay) => delay.ms)

  test('is counted from the fault, or from publishing if that was later', () => {
    expect(ms([500, 500], [mailed(0, 900), mailed(1, 4000)])).toEqual([3000])
    expect(ms([500, 3000], [mailed(0, 900), mailed(1, 4000)])).toEqual([1000])
  })

  test('is that of the next mail, not of those behind it', () => {
    expect(ms([1000, 1000], [mailed(0, 4000), mailed(1, 4500)])).toEqual([3000])
  })

  test('ends when all is caught up', () => {
    expect(ms([500, 12_000], [mailed(0, 900), mailed(1, 19_000)])).toEqual([])
  })
})

test.each(
  Object.entries(guards).flatMap(([guard, patches]) =>
    patches.map((patch) => ({ guard, ...patch })),
  ),
)('what turns off $guard matches $file', ({ file, find }) => {
  const path = fileURLToPath(new URL(`../../${file}`, import.meta.url))
  expect(readFileSync(path, 'utf8')).toMatch(find)
})
