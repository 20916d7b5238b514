import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openBroker } from '@herald/broker'
import { silentLogger } from '@herald/runtime'
import { afterAll, describe, expect, onTestFinished, test } from 'vitest'
import { certificatesMissing, makeCertificates } from './certificates.js'
import { collector, event } from './conformance/fixture.js'
import { describeOnKafka, useKafka } from './kafka/use-kafka.js'

describe.skipIf(certificatesMissing !== '')(`certificates${certificatesMissing}`, () => {
  const folder = mkdtempSync(join(tmpdir(), 'herald-tls-'))
  afterAll(() => rmSync(folder, { recursive: true, force: true }))
  const file = (name: string) => join(folder, name)
  const own = certificatesMissing === '' ? readCertificates(file) : undefined

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

function readCertificates(file: (name: string) => string) {
  makeCertificates(file)
  return {
    certificateChain: readFileSync(file('server.pem'), 'utf8'),
    key: readFileSync(file('server.key'), 'utf8'),
    authority: readFileSync(file('ca.pem'), 'utf8'),
  }
}
