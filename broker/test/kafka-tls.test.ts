import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openBroker } from '@herald/broker'
import { silentLogger } from '@herald/runtime'
import { afterAll, describe, expect, onTestFinished, test } from 'vitest'
import { collector, event } from './conformance/fixture.js'
import { describeOnKafka, useKafka } from './kafka/use-kafka.js'

const openssl = (() => {
  try {
    execFileSync('openssl', ['version'])
    return ''
  } catch {
    return ' (skipped: openssl is needed to create certificates)'
  }
})()

describe.skipIf(openssl !== '')(`certificates${openssl}`, () => {
  const folder = mkdtempSync(join(tmpdir(), 'herald-tls-'))
  afterAll(() => rmSync(folder, { recursive: true, force: true }))
  const file = (name: string) => join(folder, name)
  const own = openssl === '' ? makeCertificates(file) : undefined

  describeOnKafka('Kafka behind TLS and SCRAM', () => {
    const kafka = useKafka({
      security: {
        users: { broker: 'for-itself' },
        scramUsers: { ada: 's%same: open' },
        ...(own && { tls: own }),
      },
    })
    const url = (password: string, ca: string) =>
      `kafka://ada:${encodeURIComponent(password)}@${kafka.cluster.bootstrap}?ssl=true&ca=${file(ca)}&sasl=scram-sha-512&publishTimeoutMs=3000`

    test('events pass once both sides are authenticated', async () => {
      const broker = await openBroker(url('s%same: open', 'ca.pem'), { logger: silentLogger })
      onTestFinished(() => broker.close())
      const got = collector()
      await broker.publish('events', [event('k', 0), event('k', 1)])
      await broker.subscribe({ topic: 'events', group: 'all' }, got.handler)
      await expect.poll(() => got.ids).toEqual(['k/0', 'k/1'])
    })

    test('a wrong password is reported', async () => {
      const opened = openBroker(url('guess', 'ca.pem'), { logger: silentLogger })
      const published = opened.then(async (broker) => {
        onTestFinished(() => broker.close())
        await broker.publish('events', [event('k', 0)])
      })
      await expect(published).rejects.toThrow(/password|authentic/i)
    })

    test('a server certificate of another authority is refused', async () => {
      const opened = openBroker(url('s%same: open', 'other.pem'), { logger: silentLogger })
      const published = opened.then(async (broker) => {
        onTestFinished(() => broker.close())
        await broker.publish('events', [event('k', 0)])
      })
      await expect(published).rejects.toThrow(/certificate|self.signed/i)
    })
  })
})

/** An authority, its server certificate for loopback, and another authority. */
function makeCertificates(file: (name: string) => string) {
  const run = (...args: string[]) => execFileSync('openssl', args, { stdio: 'pipe' })
  const authority = (name: string) =>
    run(
      ...['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '2', '-subj', `/CN=${name}`],
      ...['-keyout', file(`${name}.key`), '-out', file(`${name}.pem`)],
    )
  authority('ca')
  authority('other')
  writeFileSync(file('names'), 'subjectAltName=IP:127.0.0.1,DNS:localhost\n')
  run(
    ...['req', '-newkey', 'rsa:2048', '-nodes', '-subj', '/CN=kafka'],
    ...['-keyout', file('server.key'), '-out', file('server.csr')],
  )
  run(
    ...['x509', '-req', '-in', file('server.csr'), '-CA', file('ca.pem'), '-CAkey', file('ca.key')],
    ...['-CAcreateserial', '-days', '2', '-extfile', file('names'), '-out', file('server.pem')],
  )
  return {
    certificateChain: readFileSync(file('server.pem'), 'utf8'),
    key: readFileSync(file('server.key'), 'utf8'),
    authority: readFileSync(file('ca.pem'), 'utf8'),
  }
}
