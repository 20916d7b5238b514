import type { BrokerError, BrokerErrorCode } from '@herald/broker'
import { expect, test } from 'vitest'
import { collector, event, type Fixture } from './fixture.js'

const failing = (code: BrokerErrorCode) =>
  expect.objectContaining({ name: 'BrokerError', code } satisfies Partial<BrokerError>)

/** Messages arrive unchanged, and invalid ones are refused. */
export function messageCases(fixture: Fixture): void {
  test('messages arrive as they were published', async () => {
    const broker = await fixture.open()
    const everyByte = Uint8Array.from({ length: 256 }, (_, byte) => byte)
    const large = Buffer.alloc(broker.features.maxMessageBytes - 1024, everyByte)
    const sent = [
      { key: null, value: everyByte, headers: {} },
      { key: 'größe@例え.jp', value: Uint8Array.of(0), headers: { bytes: everyByte } },
      { key: '', value: Buffer.from('{}'), headers: { ce_subject: Buffer.from('Grüße 🎉') } },
      { key: 'large', value: large, headers: { empty: new Uint8Array() } },
    ]
    const before = Date.now()
    const published = await broker.publish(fixture.topic, sent)
    const got = collector()
    await broker.subscribe({ topic: fixture.topic, group: 'all' }, got.handler)
    await fixture.until(() => expect(got.deliveries).toHaveLength(sent.length))
    for (const [index, { key, value, headers }] of sent.entries()) {
      const delivery = got.deliveries.find((each) => each.key === key)
      expect(delivery && Buffer.compare(delivery.value, value), `value of ${key}`).toBe(0)
      expect(Object.keys(delivery?.headers ?? {})).toEqual(Object.keys(headers))
      for (const [name, header] of Object.entries(headers)) {
        expect(Buffer.from(delivery?.headers[name] ?? [])).toEqual(Buffer.from(header))
      }
      expect(delivery).toMatchObject({ topic: fixture.topic, attempt: 1 })
      const { position } = published[index] ?? {}
      if (position !== undefined) expect(delivery).toMatchObject({ ...published[index] })
      expect(delivery?.position).toMatch(/^[\x21-\x7e]{1,100}$/)
      const { partition, offset } = delivery ?? {}
      expect([partition, offset]).toEqual(
        broker.features.partitions
          ? [expect.any(Number), expect.stringMatching(/^\d+$/)]
          : [undefined, undefined],
      )
      expect(delivery?.publishedAt.getTime()).toBeGreaterThanOrEqual(before - 1000)
      expect(delivery?.publishedAt.getTime()).toBeLessThanOrEqual(Date.now() + 1000)
    }
    const positions = got.deliveries.map(({ position }) => position)
    expect(new Set(positions).size).toBe(sent.length)
  })

  test('a topic can be created before it is used, more than once', async () => {
    const broker = await fixture.open()
    await broker.createTopic(fixture.topic)
    await broker.createTopic(fixture.topic)
    const got = collector()
    await broker.publish(fixture.topic, [event('k', 1)])
    await broker.subscribe({ topic: fixture.topic, group: 'all' }, got.handler)
    await fixture.until(() => expect(got.ids).toEqual(['k/1']))
    await expect(broker.createTopic('no topic')).rejects.toEqual(failing('BROKER_INVALID_MESSAGE'))
  })

  test('a message over the limit is refused', async () => {
    const broker = await fixture.open()
    const value = Buffer.alloc(broker.features.maxMessageBytes + 1, 1)
    const publishing = broker.publish(fixture.topic, [{ key: 'big', value, headers: {} }])
    await expect(publishing).rejects.toEqual(failing('BROKER_MESSAGE_TOO_LARGE'))
    const got = collector()
    await broker.publish(fixture.topic, [event('after', 0)])
    await broker.subscribe({ topic: fixture.topic, group: 'all' }, got.handler)
    await fixture.until(() => expect(got.ids).toEqual(['after/0']))
  })

  test('an empty value and a bad topic name are refused', async () => {
    const broker = await fixture.open()
    const empty = { key: 'k', value: new Uint8Array(), headers: {} }
    await expect(broker.publish(fixture.topic, [event('k', 0), empty])).rejects.toEqual(
      failing('BROKER_INVALID_MESSAGE'),
    )
    for (const topic of ['', '.', '..', 'two words', 'a/b', 'x'.repeat(250)]) {
      await expect(broker.publish(topic, [event('k', 0)])).rejects.toEqual(
        failing('BROKER_INVALID_MESSAGE'),
      )
    }
  })

  test('the longest names of a topic and of a group are used', async () => {
    const broker = await fixture.open()
    const [topic, group] = [fixture.topic.padEnd(249, 'x'), 'g'.repeat(249)]
    const got = collector()
    await broker.subscribe({ topic, group }, got.handler)
    await broker.publish(topic, [event('k', 0)])
    await fixture.until(() => expect(got.ids).toEqual(['k/0']))
  })

  test('a closed broker refuses, and closes only once', async () => {
    const broker = await fixture.open()
    const subscription = await broker.subscribe(
      { topic: fixture.topic, group: 'all' },
      collector().handler,
    )
    await Promise.all([broker.close(), subscription.close(), broker.close(), subscription.close()])
    await broker.close()
    await expect(broker.publish(fixture.topic, [event('k', 0)])).rejects.toEqual(
      failing('BROKER_CLOSED'),
    )
    await expect(
      broker.subscribe({ topic: fixture.topic, group: 'all' }, collector().handler),
    ).rejects.toEqual(failing('BROKER_CLOSED'))
  })
}
