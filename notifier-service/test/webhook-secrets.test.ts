import { createHmac } from 'node:crypto'
import { fromMessage } from '@herald/broker/message'
import { expect, test } from 'vitest'
import { loadConfig } from '#src/webhook/config'
import { createWebhookChannel } from '#src/webhook/webhook-channel'
import { message } from './publish.js'
import { type ReceivedPost, startReceiver } from './receiver.js'
import { fileConverted } from './sample-events.js'

const oldSecret = `whsec_${Buffer.alloc(32, 1).toString('base64')}`
const newSecret = `whsec_${Buffer.alloc(32, 2).toString('base64')}`

function configOf(url: string, secrets: string) {
  return loadConfig({ HERALD_WEBHOOK_URL: url, HERALD_WEBHOOK_SECRET: secrets })
}

/** As a receiver that holds `secret` computes it (Standard Webhooks). */
function signatureOf({ headers, body }: ReceivedPost, secret: string): string {
  const key = Buffer.from(secret.slice('whsec_'.length), 'base64')
  const signed = `${headers['webhook-id']}.${headers['webhook-timestamp']}.${body}`
  return `v1,${createHmac('sha256', key).update(signed).digest('base64')}`
}

test.each([
  ['one secret: one signature', [newSecret]],
  ['two secrets during a rotation: both signatures, separated by a space', [newSecret, oldSecret]],
])('%s', async (_, secrets) => {
  const receiver = await startReceiver()
  const channel = createWebhookChannel(configOf(receiver.url, secrets.join(' ')))
  try {
    const received = fromMessage(message(fileConverted()))
    const mail = { ...channel.address(received), eventIds: [received.envelope.id] }
    await channel.send(
      { mail, events: [received], record: undefined, isWanted: () => true },
      async () => () => true,
    )
    const [post] = receiver.posts as [ReceivedPost]
    expect(post.headers['webhook-signature']).toBe(
      secrets.map((secret) => signatureOf(post, secret)).join(' '),
    )
  } finally {
    channel.close()
    await receiver.close()
  }
})

test('a request that may be sent by another notifier by now is not sent', async () => {
  const receiver = await startReceiver()
  const channel = createWebhookChannel(configOf(receiver.url, newSecret))
  try {
    const received = fromMessage(message(fileConverted()))
    const mail = { ...channel.address(received), eventIds: [received.envelope.id] }
    const outgoing = { mail, events: [received], record: undefined, isWanted: () => true }
    await expect(channel.send(outgoing, async () => () => false)).rejects.toMatchObject({
      name: 'NotHeld',
    })
    await channel.send(outgoing, async () => () => true)
    expect(receiver.posts).toHaveLength(1)
  } finally {
    channel.close()
    await receiver.close()
  }
})

test('three secrets, or one that is not valid beside one that is, are refused and not shown', () => {
  const secretIn = (secrets: string) => () => configOf('http://127.0.0.1:1/hook', secrets)
  for (const secrets of [`${oldSecret} ${newSecret} ${oldSecret}`, `${oldSecret} whsec_short`]) {
    expect(secretIn(secrets)).toThrow(/Invalid HERALD_WEBHOOK_SECRET \(hidden\):/)
  }
})
