import { randomBytes } from 'node:crypto'
import { type Message, maxMessageBytes } from '@herald/broker'
import { expect, test, vi } from 'vitest'
import { message, publish } from './publish.js'
import { fileConverted } from './sample-events.js'
import { startScriptedSmtp } from './scripted-smtp.js'
import { useStage } from './stage.js'

// Each test starts several processes.
const stage = useStage()
const patience = { timeout: 60_000, interval: 50 }
const limit = maxMessageBytes

const headersOf = (letter: Message | undefined) =>
  Object.fromEntries(
    Object.entries(letter?.headers ?? {}).map(([name, text]) => [name, String(Buffer.from(text))]),
  )

test('random bytes, an unknown type and 900 KB of headers become dead letters with their reasons; the rest is mailed', async () => {
  const server = await startScriptedSmtp()
  stage.defer(() => server.close())
  await stage.start({ HERALD_SMTP: server.url, HERALD_SMTP_CONNECTIONS: '8' })
  const dead = await stage.deadLetters()
  const sound = Array.from({ length: 97 }, (_, n) =>
    message(fileConverted({ recipient: { address: `u${n % 20}@example.com` } })),
  )
  const [first] = sound
  if (first === undefined) throw new Error('no event')
  const bytes = { ...first, value: randomBytes(500), headers: { any: randomBytes(20) } }
  const unknown = {
    ...first,
    headers: { ...first.headers, ce_type: Buffer.from('herald.file.eaten.v1') },
  }
  const bulky = { ...first, headers: { ...first.headers, bulk: Buffer.alloc(900 * 1024, 'x') } }
  await publish(stage.broker, [bytes, ...sound.slice(0, 40), unknown, bulky, ...sound.slice(40)])
  await vi.waitFor(() => expect(dead).toHaveLength(3), patience)
  const reasons = dead.map((letter) => headersOf(letter)['herald_dead_letter_reason']).sort()
  expect(reasons).toEqual([
    expect.stringMatching(/^The attribute specversion is missing/),
    expect.stringMatching(/^The headers have 92\d{4} bytes; Herald reads at most 65536/),
    expect.stringMatching(/^The type is "herald.file.eaten.v1"/),
  ])
  expect(dead.find(({ headers }) => 'bulk' in headers)?.headers['bulk']).toHaveLength(900 * 1024)
  await vi.waitFor(() => expect(server.accepted).toHaveLength(97), patience)
})

test.each([
  ['its headers fill it', 'bulk', 'headers'],
  ['its value fills it', 'value', 'headers,value'],
])(
  'an event that leaves no room for a reason because %s becomes a smaller dead letter',
  async (_, filled, dropped) => {
    const server = await startScriptedSmtp()
    stage.defer(() => server.close())
    await stage.start({ HERALD_SMTP: server.url })
    const dead = await stage.deadLetters()
    const { key, headers } = message(fileConverted())
    const taken = Object.entries(headers).map(([name, text]) => name.length + text.length)
    const room = limit - (key?.length ?? 0) - 'bulk'.length - taken.reduce((one, sum) => one + sum)
    const poison = {
      key,
      value: Buffer.alloc(filled === 'value' ? room - 10 : 10, 'v'),
      headers: { ...headers, bulk: Buffer.alloc(filled === 'bulk' ? room - 10 : 10, 'h') },
    }

    const [where] = await publish(stage.broker, [poison, message(fileConverted())])
    await vi.waitFor(() => expect(dead).toHaveLength(1), patience)
    const [deadLetter] = dead
    expect(headersOf(deadLetter)).toMatchObject({
      herald_dead_letter_reason: expect.stringMatching(/./),
      herald_dead_letter_topic: 'notifications',
      herald_dead_letter_position: where?.position,
      herald_dead_letter_partition: String(where?.partition),
      herald_dead_letter_offset: where?.offset,
      herald_dead_letter_dropped: dropped,
      ce_id: String(headers['ce_id']),
    })
    expect(deadLetter?.headers['bulk']).toBeUndefined()
    if (dropped === 'headers') expect(Buffer.from(deadLetter?.value ?? [])).toEqual(poison.value)
    else
      expect(headersOf(deadLetter)['herald_dead_letter_value_bytes']).toBe(
        String(poison.value.length),
      )
    await vi.waitFor(() => expect(server.accepted).toHaveLength(1), patience)
  },
)
