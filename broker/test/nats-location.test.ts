import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openBroker } from '@herald/broker'
import { silentLogger } from '@herald/runtime/logger'
import { expect, onTestFinished, test } from 'vitest'
import { parseNatsUrl } from '#src/drivers/nats/location'
import { tokenOf } from '#src/drivers/nats/topics'

async function fileWith(text: string): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'herald-nats-url-'))
  onTestFinished(() => rm(directory, { recursive: true }))
  await writeFile(join(directory, 'file'), text)
  return join(directory, 'file')
}

test('several servers, and the default port', () => {
  const { servers, tls, login } = parseNatsUrl('nats://a.example:4223,b,[::1]:4224')
  expect(servers).toEqual(['a.example:4223', 'b:4222', '[::1]:4224'])
  expect([tls, login]).toEqual([undefined, undefined])
})

test('user and password are percent-encoded; a user alone is a token', () => {
  const { login } = parseNatsUrl('nats://ada%40example.com:p%3Ass%2Fw%25rd@h')
  expect(login).toMatchObject({ kind: 'password', user: 'ada@example.com' })
  expect(login?.kind === 'password' && login.password()).toBe('p:ss/w%rd')
  const { login: token } = parseNatsUrl('nats://s3cr3t@h')
  expect(token?.kind === 'token' && token.token()).toBe('s3cr3t')
})

test('a password, a token and certificates come from files', async () => {
  const file = await fileWith('from a file\n')
  const { login, tls } = parseNatsUrl(`tls://u@h?passwordFile=${file}&ca=${file}`)
  expect(login?.kind === 'password' && login.password()).toBe('from a file')
  expect(tls).toEqual({ ca: 'from a file\n' })
  const { login: token } = parseNatsUrl(`nats://h?tokenFile=${file}`)
  expect(token?.kind === 'token' && token.token()).toBe('from a file')
})

test.each([
  'nats:',
  'nats:h:4222',
  'nats://',
  'nats://h:4222,',
  'nats://h:0',
  'nats://h:70000',
  'nats://h:port',
  'nats://:p@h',
  'nats://u:%zz@h',
  'nats://h?ca=/etc/hosts',
  'tls://h?ca=/no/such/file',
  'tls://h?cert=/etc/hosts',
  'nats://h?creds=/no/such/file',
  'nats://u:p@h?passwordFile=/etc/hosts',
  'nats://u@h?tokenFile=/etc/hosts',
  'nats://h?passwordFile=/etc/hosts',
  'nats://h?replicas=9',
  'nats://h?sesionTimeoutMs=1000',
  'nats://h?sessionTimeoutMs=soon',
])('%j is refused as a URL', async (url) => {
  await expect(openBroker(url, { logger: silentLogger })).rejects.toMatchObject({
    code: 'BROKER_BAD_URL',
  })
})

test('a refused URL is shown with its parameters, and without the password', () => {
  expect(() => parseNatsUrl('nats://ada:secret@h?replicas=0')).toThrow(
    '"nats://ada:***@h?replicas=0" sets replicas to something other',
  )
  for (const password of ['sec?ret', 'sec/ret', 'sec@ret', 's?ec=ret', 'sec?ret&replicas=0']) {
    expect(() => parseNatsUrl(`nats://ada:${password}@h`)).toThrow(
      expect.objectContaining({ message: expect.not.stringMatching(/sec|ret/) }),
    )
  }
})

test('no two topics share a stream', () => {
  const topics = ['a.b', 'a_b', 'a-b', 'a__b', 'a._b', 'a_.b', 'a_-b', 'a.-b', 'a..b', 'a-_b']
  const long = ['x'.repeat(248), '.'.repeat(249), '_'.repeat(249)]
  const tokens = [...topics, ...long].map(tokenOf)
  expect(new Set(tokens).size).toBe(topics.length + long.length)
  for (const token of tokens) expect(token).toMatch(/^[\w-]{1,180}$/)
  expect(tokenOf('notifications.dead-letter')).toBe('notifications__dead-letter')
})
