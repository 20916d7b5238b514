import { execFile } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { openBroker } from '@herald/broker'
import { findKafka, type KafkaCluster, startKafka } from '@herald/kafka'
import { type InboxProcess, startMailHog } from '@herald/mailhog/inbox-process'
import { findOrBuildMailHog } from '@herald/mailhog/mailhog-binary'
import { silentLogger } from '@herald/runtime'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { findPython, findTool } from '#src/external-tools'
import { openTestSystem, type TestSystem } from '#src/test-system'

const run = promisify(execFile)
const path = (relative: string) => fileURLToPath(new URL(`../../${relative}`, import.meta.url))
const picture = path('stack/sample/herald-at-dusk.jpg')

const kafkaFound = await findKafka()
const mailHogFound = await findOrBuildMailHog()
const missing = [kafkaFound, mailHogFound].flatMap((found) =>
  'missing' in found ? [found.missing] : [],
)
const leftOut = missing.length > 0 ? ` (left out: ${missing.join('; ')})` : ''

describe.skipIf(leftOut !== '')(`Herald on Apache Kafka and MailHog${leftOut}`, () => {
  let folder: string
  let kafka: KafkaCluster
  let mailHog: InboxProcess
  let system: TestSystem

  beforeAll(async () => {
    if ('missing' in mailHogFound) throw new Error(mailHogFound.missing)
    folder = mkdtempSync(join(tmpdir(), 'herald-kafka-'))
    ;[kafka, mailHog] = await Promise.all([
      startKafka({ dataDirectory: join(folder, 'kafka') }),
      startMailHog(mailHogFound.path),
    ])
    system = await openTestSystem({
      HERALD_BROKER: kafka.url,
      HERALD_SMTP: mailHog.smtpUrl,
      HERALD_INBOX: mailHog.webUrl,
    })
    await Promise.all([system.start('converter'), system.start('notifier')])
  })

  afterAll(async () => {
    await system?.close()
    await mailHog?.stop()
    await kafka?.destroy()
    if (folder !== undefined) rmSync(folder, { recursive: true, force: true })
  })

  test('the end-to-end tests pass', { timeout: 180_000 }, async () => {
    const vitest = [
      'node_modules/vitest/vitest.mjs',
      'run',
      '--config',
      'stack/e2e/vitest.config.ts',
    ]
    // Rejects if a test failed.
    const { stdout } = await run(process.execPath, vitest, {
      cwd: path(''),
      env: { ...system.env, NO_COLOR: '1' },
      timeout: 170_000,
    })
    expect(stdout).toMatch(/Tests +[1-9]\d* passed/)
  })

  test('a stopped notifier holds up nothing: its mail comes when it is back', async () => {
    await system.stop('notifier')
    const out = join(system.folder, 'stopped')
    mkdirSync(out)
    const args = ['convert', picture, '--to', 'webp', '--width', '64', '--out', out]
    const result = await system.herald([...args, '--notify', 'later@example.com'])
    expect(result).toMatchObject({ exitCode: 0, stderr: '' })
    await system.start('notifier')
    const inbox = await system.inbox()
    await inbox.waitFor((mail) => mail.recipients.includes('later@example.com'), 20_000)
  })

  test('Kafka away: the conversion succeeds with one warning, and is announced when it is back', {
    timeout: 120_000,
  }, async () => {
    const out = join(system.folder, 'away')
    mkdirSync(out)
    await kafka.kill(0)
    const begun = performance.now()
    const args = ['convert', picture, '--to', 'webp', '--width', '64', '--out', out]
    const result = await system.herald([...args, '--notify', 'kept@example.com'])
    const tookMs = performance.now() - begun
    expect(result.exitCode).toBe(0)
    expect(result.stderr.trim().split('\n')).toHaveLength(1)
    expect(result.stderr).toMatch(/herald outbox flush/)
    console.log(`converted in ${Math.round(tookMs)} ms with Kafka away`)
    await kafka.restart(0)
    expect(await system.herald(['outbox', 'flush'])).toMatchObject({ exitCode: 0 })
    const inbox = await system.inbox()
    await inbox.waitFor((mail) => mail.recipients.includes('kept@example.com'), 30_000)
  })

  const kcat = findTool('kcat', '-V')
  test.skipIf(kcat.missing)(named('kcat shows the CloudEvents headers', kcat.missing), async () => {
    const { stdout } = await run(kcat.command, [
      ...['-C', '-b', kafka.bootstrap, '-t', 'notifications', '-e', '-q', '-c', '1'],
      ...['-f', '%k|%h\n'],
    ])
    expect(stdout).toMatch(/ce_specversion=1\.0/)
    expect(stdout).toMatch(/ce_id=[0-9a-f]{8}-[0-9a-f]{4}-7/)
    expect(stdout).toMatch(/ce_type=herald\.(file\.converted|conversion\.failed)\.v1/)
    expect(stdout).toMatch(/content-type=application\/protobuf/)
    expect(stdout).toMatch(/traceparent=00-[0-9a-f]{32}-[0-9a-f]{16}-0[01]/)
  })

  const python = findPython()
  test.skipIf(python.missing)(
    named('the CloudEvents SDK for Python reads an event', python.missing),
    { timeout: 60_000 },
    async () => {
      const { stdout } = await run(python.command, [
        path('tests/external-tools/read_event.py'),
        kafka.bootstrap,
        'notifications',
      ])
      const event = JSON.parse(stdout)
      expect(event).toMatchObject({
        specversion: '1.0',
        source: '/herald/cli',
        contentType: 'application/protobuf',
      })
      expect(event.type).toMatch(/^herald\./)
      expect(event.dataBytes).toBeGreaterThan(100)
    },
  )

  const grpcurl = findTool('grpcurl', '-version')
  test.skipIf(grpcurl.missing)(
    named('grpcurl lists the services by reflection', grpcurl.missing),
    async () => {
      const { stdout } = await run(grpcurl.command, [
        ...['-plaintext', system.env['HERALD_CONVERTER'] ?? '', 'list'],
      ])
      expect(stdout.trim().split('\n')).toEqual(
        expect.arrayContaining(['grpc.health.v1.Health', 'herald.converter.v1.ConverterService']),
      )
    },
  )

  // Last: what it publishes is no event that a stranger could read.
  test('dead letters are listed and replayed', async () => {
    const broker = await openBroker(kafka.url, { logger: silentLogger })
    await broker.publish('notifications', [{ key: 'k', value: Buffer.from('?'), headers: {} }])
    await broker.close()
    const deadLetters = (...args: string[]) =>
      run(
        process.execPath,
        [path('notifier-service/bin/herald-notifier.js'), 'dead-letters', ...args],
        {
          env: system.env,
        },
      )
    const listed = async () => (await deadLetters('list', '--json')).stdout.trim().split('\n')
    const wait = { timeout: 60_000, interval: 200 }
    await expect.poll(listed, wait).toEqual([expect.stringContaining('"key":"k"')])
    expect((await deadLetters('replay')).stderr).toBe('1 of 1 dead letter replayed.\n')
    // It can be read no better than before: the first is replayed, and there is a second.
    await expect.poll(listed, wait).toEqual([expect.stringContaining('"number":2')])
  })
})

function named(what: string, missing: string | undefined): string {
  return missing === undefined ? what : `${what} (left out: ${missing})`
}
