import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openBroker } from '@herald/broker'
import { silentLogger } from '@herald/runtime/logger'
import { expect, onTestFinished, test } from 'vitest'
import { parseKafkaUrl } from '#src/drivers/kafka/location'

async function fileWith(text: string): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'herald-kafka-url-'))
  onTestFinished(() => rm(directory, { recursive: true }))
  await writeFile(join(directory, 'file'), text)
  return join(directory, 'file')
}

test('several brokers, and the default port', () => {
  const { brokers, ssl, sasl } = parseKafkaUrl('kafka://a.example:9093,b')
  expect(brokers).toEqual(['a.example:9093', 'b:9092'])
  expect([ssl, sasl]).toEqual([undefined, undefined])
})

test('user and password are percent-encoded, the mechanism is plain unless named', () => {
  const plain = parseKafkaUrl('kafka://ada%40example.com:p%3Ass%2Fw%25rd%2C@h:9092')
  expect(plain.sasl).toEqual({
    mechanism: 'plain',
    username: 'ada@example.com',
    password: 'p:ss/w%rd,',
  })
  expect(parseKafkaUrl('kafka://u:p@h?ssl=true&sasl=scram-sha-512')).toMatchObject({
    sasl: { mechanism: 'scram-sha-512' },
    ssl: {},
  })
})

test('a password and certificates come from files', async () => {
  const password = await fileWith('from a file\n')
  const ca = await fileWith('-----BEGIN CERTIFICATE-----')
  const { sasl, ssl } = parseKafkaUrl(`kafka://u@h?passwordFile=${password}&ssl=true&ca=${ca}`)
  expect(sasl?.password).toBe('from a file')
  expect(ssl).toEqual({ ca: '-----BEGIN CERTIFICATE-----' })
})

test('a member sends ten heartbeats per session by default', () => {
  const { heartbeatMs, sessionTimeoutMs } = parseKafkaUrl('kafka://h?sessionTimeoutMs=6000')
  expect([heartbeatMs, sessionTimeoutMs]).toEqual([600, 6000])
})

test.each([
  'kafka:',
  'kafka:h:9092',
  'kafka://',
  'kafka://h:9092,',
  'kafka://h:0',
  'kafka://h:70000',
  'kafka://h:port',
  'kafka://[::1]:9092',
  'kafka://h?ssl=yes',
  'kafka://h?ca=/etc/hosts',
  'kafka://h?ssl=true&ca=/no/such/file',
  'kafka://h?sasl=plain',
  'kafka://u@h',
  'kafka://u:p@h?sasl=kerberos',
  'kafka://u:%zz@h',
  'kafka://h?sesionTimeoutMs=1000',
  'kafka://h?sessionTimeoutMs=soon',
  'kafka://h?sessionTimeoutMs=1000&heartbeatMs=1000',
])('%j is refused as a URL', async (url) => {
  await expect(openBroker(url, { logger: silentLogger })).rejects.toMatchObject({
    code: 'BROKER_BAD_URL',
  })
})

test('a refused URL is shown with its parameters, and without the password', () => {
  expect(() => parseKafkaUrl('kafka://ada:secret@h?ssl=maybe')).toThrow(
    '"kafka://ada:***@h?ssl=maybe" sets ssl to something other',
  )
  for (const password of ['sec?ret', 'sec/ret', 'sec@ret', 's?ec=ret', 'sec?ret&ssl=maybe']) {
    expect(() => parseKafkaUrl(`kafka://ada:${password}@h`)).toThrow(
      expect.objectContaining({ message: expect.not.stringMatching(/sec|ret/) }),
    )
  }
})
