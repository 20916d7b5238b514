import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Worker } from 'node:worker_threads'
import { type Delivery, openBroker } from '@herald/broker'
import {
  isTheirOwn,
  type OutcomeAnnouncer,
  relievedAnnouncer,
} from '@herald/notifier-service/outcome-announcer'
import { outcomeMessage, type SettledMail } from '@herald/notifier-service/outcome-message'
import { createThreadedAnnouncer } from '@herald/notifier-service/outcome-thread'
import { silentLogger } from '@herald/runtime'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'

vi.setConfig({ testTimeout: 60_000 })
const channel = { name: 'mail' } as const
const topic = 'outcomes'
let folder: string
let broker: string
let announcer: OutcomeAnnouncer
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'herald-outcome-thread-'))
  broker = `embedded:${folder}`
  announcer = createThreadedAnnouncer({ broker, topic, channel })
})
afterEach(async () => {
  await announcer.close()
  await rm(folder, { recursive: true })
})

function outcome(id: string, changes: Partial<SettledMail['record']> = {}): SettledMail {
  return {
    event: { id, source: '//test' },
    record: {
      ...{ state: 'accepted', attempts: 1, reply: '250 взято', replay: undefined },
      ...{ firstAttemptAt: 1_700_000_000_000, updatedAt: 1_700_000_000_500 },
      ...{ eventIds: [id], recipient: 'ada@example.com', messageId: `<${id}@localhost>` },
      ...{ conversionId: 'conversion', runId: 'run' },
      ...changes,
    },
  }
}

/** What lies on the topic, once the thread has let go of the store. */
async function published(count: number): Promise<Delivery[]> {
  await announcer.close()
  const reader = await openBroker(broker, { logger: silentLogger })
  const found: Delivery[] = []
  await reader.subscribe({ topic, group: 'test' }, async (delivery) => {
    found.push(delivery)
  })
  await vi.waitFor(() => expect(found.length).toBeGreaterThanOrEqual(count), { timeout: 10_000 })
  await reader.close()
  return found
}

describe('the thread that announces outcomes', () => {
  test('publishes what would have been published without it, byte for byte and in order', async () => {
    const outcomes = [
      outcome('one'),
      outcome('two', { state: 'failed', replay: 'again', attempts: 7 }),
      outcome('three', { state: 'unknown', conversionId: undefined, runId: undefined }),
      outcome('four', { reply: '' }),
    ]
    await announcer.announce(outcomes.slice(0, 2))
    await announcer.announce(outcomes.slice(2))
    const found = await published(4)
    const bytesOf = (value: Uint8Array) => Buffer.from(value).toString('hex')
    const asText = (headers: Delivery['headers']) =>
      Object.fromEntries(
        Object.entries(headers).map(([name, value]) => [name, Buffer.from(value).toString()]),
      )
    const wanted = outcomes.map((each) => outcomeMessage(each, channel))
    const sorted = <T extends { value: Uint8Array }>(messages: readonly T[]) =>
      [...messages].sort((a, b) => (bytesOf(a.value) < bytesOf(b.value) ? -1 : 1))
    expect(
      sorted(found).map(({ key, value, headers }) => [key, bytesOf(value), asText(headers)]),
    ).toEqual(
      sorted(wanted).map(({ key, value, headers }) => [key, bytesOf(value), asText(headers)]),
    )
    const ofOneKey = found.filter(({ key }) => key === 'conversion')
    expect(ofOneKey.map(({ headers }) => asText(headers)['ce_subject'])).toEqual([
      'one',
      'two',
      'four',
    ])
  })

  test('tells what the broker does not take from a broker that does not work, and goes on', async () => {
    const tooLarge = outcome('large', { recipient: `${'x'.repeat(3_000_000)}@example.com` })
    const refusal = await announcer.announce([tooLarge]).catch((error: unknown) => error)
    expect(isTheirOwn(refusal)).toBe(true)
    await announcer.announce([outcome('small')])
    expect(await published(1)).toHaveLength(1)
  })

  test('is replaced when it dies, and whoever waited for it is told', async () => {
    const begun = once(process, 'worker') as Promise<[Worker]>
    await announcer.announce([outcome('before')])
    const [thread] = await begun
    const cutOff = announcer.announce(Array.from({ length: 5000 }, (_, n) => outcome(`n${n}`)))
    await Promise.all([expect(cutOff).rejects.toThrow('ended'), thread.terminate()])
    await announcer.announce([outcome('after')])
    const found = await published(2)
    const subjects = found.map(({ headers }) => Buffer.from(headers['ce_subject'] ?? '').toString())
    expect(subjects).toEqual(expect.arrayContaining(['before', 'after']))
  })

  test('is not there where nothing was announced', async () => {
    const started = vi.fn()
    process.on('worker', started)
    const unused = createThreadedAnnouncer({ broker, topic, channel })
    await unused.close()
    process.off('worker', started)
    expect(started).not.toHaveBeenCalled()
  })
})

test('few outcomes are announced as usual; once many come at once, all after them by relief', async () => {
  const seen: string[] = []
  const named = (name: string): OutcomeAnnouncer => ({
    announce: async (outcomes) => void seen.push(`${name} ${outcomes.length}`),
    close: async () => void seen.push(`${name} closed`),
  })
  const relieved = relievedAnnouncer(named('usual'), named('relief'), 3)
  const many = (count: number) => Array.from({ length: count }, (_, n) => outcome(`n${n}`))
  for (const count of [2, 1, 3, 1]) await relieved.announce(many(count))
  await relieved.close()
  expect(seen).toEqual([
    'usual 2',
    'usual 1',
    'relief 3',
    'relief 1',
    'usual closed',
    'relief closed',
  ])
})
