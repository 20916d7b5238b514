import { openBroker } from '@herald/broker'
import { fromOutcomeMessage } from '@herald/broker/outcome-message'
import { eventTypes, type HeraldEvent } from '@herald/proto/events'
import { silentLogger } from '@herald/runtime'
import PostalMime from 'postal-mime'
import { describe, expect, test, vi } from 'vitest'
import { event, eventIdsOf, eventsOf, gauge, patience, type RunOptions } from './digest-run.js'
import { message, publish, uuidv7 } from './publish.js'
import { type ScriptedSmtp, startScriptedSmtp } from './scripted-smtp.js'
import { useStage } from './stage.js'

const stage = useStage()

function failed(name: string, { to = 'ada@example.com', run, runSize }: RunOptions): HeraldEvent {
  return {
    type: eventTypes.conversionFailed,
    data: {
      conversionId: uuidv7(),
      runId: run ?? uuidv7(),
      runSize: runSize ?? 0,
      fileName: name,
      formats: ['webp'],
      code: 'UNREADABLE',
      message: 'It is no picture.',
      failedAtUnixMs: Date.now(),
      recipient: { address: to },
    },
  }
}

async function server(script: Parameters<typeof startScriptedSmtp>[0] = {}): Promise<ScriptedSmtp> {
  const started = await startScriptedSmtp(script)
  stage.defer(() => started.close())
  return started
}

const deliveryOf = async (probesUrl: string, id: string) => {
  const response = await fetch(`${probesUrl}/deliveries/${id}`)
  const { deliveries } = (await response.json()) as { deliveries?: Record<string, unknown>[] }
  return deliveries?.[0]
}

/** Longer than any test. */
const unhurried = { HERALD_DIGEST_QUIET: '10m', HERALD_DIGEST_MAX: '10m' }

describe('a digest', () => {
  test('two hundred files of one run become one mail, and its outcome names each', async () => {
    const smtp = await server()
    const notifier = await stage.startHere({ HERALD_SMTP: smtp.url, ...unhurried })
    const run = uuidv7()
    const ids = Array.from({ length: 200 }, () => uuidv7())
    const runSize = ids.length
    await publish(
      stage.broker,
      ids.map((id, n) => message(event(`${n}.jpg`, { run, runSize }), id)),
    )
    await vi.waitFor(() => expect(smtp.accepted).toHaveLength(1), patience)
    expect(await eventIdsOf(smtp.accepted)).toEqual(ids)
    const outcomes: string[][] = []
    const broker = await openBroker(stage.broker, { logger: silentLogger })
    stage.defer(() => broker.close())
    await broker.subscribe({ topic: 'notifications.outcomes', group: 'test' }, async (delivery) => {
      outcomes.push(fromOutcomeMessage(delivery)?.event.data.notification?.eventIds ?? [])
    })
    await vi.waitFor(() => expect(outcomes).toEqual([ids]), patience)
    expect(await gauge(notifier.probesUrl, 'lag_events')).toBe(0)
    expect(await deliveryOf(notifier.probesUrl, ids[77] ?? '')).toMatchObject({
      state: 'accepted',
      eventIds: ids,
      runId: run,
      deferred: false,
    })
  })

  test('each recipient of a run gets one, with the files that were converted and those that failed', async () => {
    const smtp = await server()
    await stage.startHere({ HERALD_SMTP: smtp.url, ...unhurried })
    const run = uuidv7()
    const ada = { run, runSize: 3 }
    const bob = { run, runSize: 2, to: 'bob@example.com' }
    await publish(stage.broker, [
      message(event('1.jpg', ada)),
      message(event('1.jpg', bob)),
      message(failed('2.jpg', ada)),
      message(event('3.jpg', ada)),
      message(failed('2.jpg', bob)),
    ])
    await vi.waitFor(() => expect(smtp.accepted).toHaveLength(2), patience)
    expect(smtp.accepted.map(({ to }) => to).sort()).toEqual(['ada@example.com', 'bob@example.com'])
    for (const mail of smtp.accepted) {
      const { text = '' } = await PostalMime.parse(Buffer.from(mail.raw, 'latin1'))
      expect(text).toContain('1.jpg')
      expect(text).toContain('2.jpg')
      expect(await eventsOf(mail)).toHaveLength(mail.to.startsWith('ada') ? 3 : 2)
    }
  })

  test('recipients with the same key do not share a mail', async () => {
    const smtp = await server()
    await stage.startHere({ HERALD_SMTP: smtp.url, ...unhurried })
    const run = { run: uuidv7(), runSize: 2 }
    const people = ['ada@example.com', 'bob@example.com', 'Ada@example.com']
    const ids = new Map(people.map((to) => [to, [uuidv7(), uuidv7()]]))
    const first = people.map((to) => message(event('1.jpg', { ...run, to }), ids.get(to)?.[0]))
    const second = people.map((to) => message(event('2.jpg', { ...run, to }), ids.get(to)?.[1]))
    await publish(
      stage.broker,
      [...first, ...second].map((each) => ({ ...each, key: 'all' })),
    )
    await vi.waitFor(() => expect(smtp.accepted).toHaveLength(3), patience)
    for (const mail of smtp.accepted) expect(await eventsOf(mail)).toEqual(ids.get(mail.to))
  })

  test('a run of unknown size is over when no event came for a while; a later event is a mail of its own', async () => {
    const smtp = await server()
    const notifier = await stage.startHere({ HERALD_SMTP: smtp.url, HERALD_DIGEST_QUIET: '2s' })
    const run = uuidv7()
    const [first, second, late] = [uuidv7(), uuidv7(), uuidv7()]
    await publish(stage.broker, [
      message(event('1.jpg', { run }), first),
      message(event('2.jpg', { run }), second),
    ])
    await vi.waitFor(() => expect(smtp.accepted).toHaveLength(1), patience)
    await publish(stage.broker, [message(event('3.jpg', { run }), late)])
    await vi.waitFor(() => expect(smtp.accepted).toHaveLength(2), patience)
    expect(await Promise.all(smtp.accepted.map(eventsOf))).toEqual([[first, second], [late]])
    expect(await deliveryOf(notifier.probesUrl, late)).toMatchObject({ eventIds: [late] })
  })

  test('a single file does not wait for a run that gathers, and a closed digest keeps its position', async () => {
    const smtp = await server()
    await stage.startHere({ HERALD_SMTP: smtp.url, ...unhurried })
    const run = { run: uuidv7(), runSize: 2 }
    const ids = Array.from({ length: 4 }, () => uuidv7())
    const alone = { runSize: 1 }
    await publish(stage.broker, [
      message(event('1.jpg', run), ids[0]),
      message(event('alone.jpg', alone), ids[1]),
      message(event('2.jpg', run), ids[2]),
      message(event('after.jpg', alone), ids[3]),
    ])
    await vi.waitFor(() => expect(smtp.accepted).toHaveLength(3), patience)
    const [one, two, three] = await Promise.all(smtp.accepted.map(eventsOf))
    expect([one, two, three]).toEqual([[ids[1]], [ids[0], ids[2]], [ids[3]]])
  })

  test('with HERALD_DIGEST=off each event is a mail of its own', async () => {
    const smtp = await server()
    await stage.startHere({ HERALD_SMTP: smtp.url, HERALD_DIGEST: 'off' })
    const run = { run: uuidv7(), runSize: 3 }
    const names = ['1.jpg', '2.jpg', '3.jpg']
    await publish(
      stage.broker,
      names.map((name) => message(event(name, run))),
    )
    await vi.waitFor(() => expect(smtp.accepted).toHaveLength(3), patience)
  })

  test('events redelivered before or after their digest was sent are not mailed again', async () => {
    const smtp = await server()
    const notifier = await stage.startHere({ HERALD_SMTP: smtp.url, ...unhurried })
    const run = { run: uuidv7(), runSize: 4 }
    const events = ['1', '2', '3', '4'].map((name) => message(event(name, run)))
    await publish(stage.broker, events.slice(0, 3))
    await publish(stage.broker, events.slice(0, 3))
    await publish(stage.broker, events.slice(3))
    await vi.waitFor(() => expect(smtp.accepted).toHaveLength(1), patience)
    await publish(stage.broker, [...events, message(event('end.jpg', { runSize: 1 }))])
    await vi.waitFor(() => expect(smtp.accepted).toHaveLength(2), patience)
    await vi.waitFor(
      async () => expect(await gauge(notifier.probesUrl, 'lag_events')).toBe(0),
      patience,
    )
    expect(smtp.accepted).toHaveLength(2)
  })

  test('one whose reply was lost is resent byte for byte', async () => {
    let lost = false
    const smtp = await server({
      body: () => {
        if (lost) return undefined
        lost = true
        return 'hang up'
      },
    })
    await stage.startHere({ HERALD_SMTP: smtp.url, ...unhurried })
    const run = { run: uuidv7(), runSize: 3 }
    await publish(
      stage.broker,
      ['1', '2', '3'].map((name) => message(event(name, run))),
    )
    await vi.waitFor(() => expect(smtp.accepted).toHaveLength(1), patience)
    expect(smtp.bodies).toHaveLength(2)
    expect(smtp.bodies[1]?.raw).toBe(smtp.bodies[0]?.raw)
  })

  test('the events of a refused digest become dead letters; replayed, they are one mail again', async () => {
    const smtp = await server({ rcpt: () => '550 5.1.1 no such mailbox' })
    const dead = await stage.deadLetters()
    const notifier = await stage.startHere({ HERALD_SMTP: smtp.url, HERALD_DIGEST_QUIET: '5s' })
    const run = { run: uuidv7(), runSize: 3 }
    const ids = ['1', '2', '3'].map(() => uuidv7())
    const events = ids.map((id) => message(event(`${id}.jpg`, run), id))
    await publish(stage.broker, events)
    await vi.waitFor(() => expect(dead).toHaveLength(3), patience)
    expect(dead.map(({ value }) => Buffer.from(value))).toEqual(
      events.map(({ value }) => Buffer.from(value)),
    )
    smtp.script = {}
    const replayed = events.map(({ headers, ...rest }, n) => ({
      ...rest,
      headers: { ...headers, herald_replay: Buffer.from(`0/${n}`) },
    }))
    await publish(stage.broker, [...replayed, ...replayed])
    await vi.waitFor(() => expect(smtp.accepted).toHaveLength(1), patience)
    expect(await eventIdsOf(smtp.accepted)).toEqual(ids)
    expect(await deliveryOf(notifier.probesUrl, ids[1] ?? '')).toMatchObject({ eventIds: ids })
  })

  test('its first event, replayed alone, is a mail with a Message-ID of its own', async () => {
    const smtp = await server({ body: () => '554 5.6.0 not like this' })
    const dead = await stage.deadLetters()
    await stage.startHere({ HERALD_SMTP: smtp.url, HERALD_DIGEST_QUIET: '100ms' })
    const run = { run: uuidv7(), runSize: 2 }
    const [first, second] = ['1', '2'].map((name) => message(event(`${name}.jpg`, run)))
    if (first === undefined || second === undefined) throw new Error('no event')
    await publish(stage.broker, [first, second])
    await vi.waitFor(() => expect(dead).toHaveLength(2), patience)
    smtp.script = {}
    const headers = { ...first.headers, herald_replay: Buffer.from('0/1') }
    await publish(stage.broker, [{ ...first, headers }])
    await vi.waitFor(() => expect(smtp.accepted).toHaveLength(1), patience)
    const ids = smtp.bodies.map(({ raw }) => /^Message-ID: *(\S+)/im.exec(raw)?.[1])
    const [digest, alone] = [ids.at(0), ids.at(-1)]
    expect(digest).toMatch(/^<.+@.+>$/)
    expect(alone).toMatch(/^<.+@.+>$/)
    expect(alone).not.toBe(digest)
  })

  test('three notifiers on one topic make one mail of each run', async () => {
    const smtp = await server()
    const env = { HERALD_SMTP: smtp.url, ...unhurried }
    await Promise.all([stage.start(env), stage.start(env), stage.start(env)])
    const people = Array.from({ length: 30 }, (_, n) => `person-${n}@example.com`)
    const run = uuidv7()
    const events = Array.from({ length: 10 }, (_, n) =>
      people.map((to) => ({ id: uuidv7(), to, name: `${n}.jpg` })),
    ).flat()
    await publish(
      stage.broker,
      events.map(({ id, to, name }) => message(event(name, { run, to, runSize: 10 }), id)),
    )
    await vi.waitFor(async () => {
      expect(await eventIdsOf(smtp.accepted)).toEqual(events.map(({ id }) => id).sort())
    }, patience)
    expect(smtp.accepted.map(({ to }) => to).sort()).toEqual([...people].sort())
  })
})
