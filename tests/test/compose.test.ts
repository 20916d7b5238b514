import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { converterFlags } from '@herald/stack/programs'
import { describe, expect, test } from 'vitest'

const root = fileURLToPath(new URL('../../', import.meta.url))
const hasGo = spawnSync('go', ['version']).status === 0

/** What Docker Compose's own loader says of a file: the project as JSON, or what is wrong. */
function load(...files: readonly string[]) {
  const { status, stdout, stderr } = spawnSync('go', ['run', '.', ...files], {
    cwd: join(root, 'tests/compose-check'),
    encoding: 'utf8',
  })
  return { status, stdout, stderr }
}

interface Service {
  readonly image: string
  readonly profiles?: readonly string[]
  readonly networks?: Readonly<Record<string, unknown>>
  readonly ports?: readonly { readonly host_ip?: string }[]
}

test('the containers start the converter as npm start does', () => {
  const command = ['node', ...converterFlags, '/herald/converter-service/dist/src/main.js']
  const text = readFileSync(join(root, 'docker-compose.yml'), 'utf8')
  expect(text).toContain(`command: ["${command.join('", "')}"]`)
})

describe.skipIf(!hasGo)(
  `docker-compose.yml, read by the library of Docker Compose${hasGo ? '' : ' (left out: Go is not installed)'}`,
  () => {
    const single = [
      'converter',
      'gateway',
      'herald',
      'kafka',
      'mailhog',
      'notifier',
      'web',
      'webhook',
    ]
    const cluster = [...single, 'kafka-2', 'kafka-3', 'postgres', 'proxy', 's3']
    test.each([
      { files: ['docker-compose.yml'], names: single },
      { files: ['docker-compose.yml', 'docker-compose.cluster.yml'], names: cluster },
      {
        files: ['docker-compose.yml', 'docker-compose.rabbitmq.yml'],
        names: [...single, 'rabbitmq'],
      },
      { files: ['docker-compose.yml', 'docker-compose.nats.yml'], names: [...single, 'nats'] },
    ])(
      '$files are valid, and every image but our own names a version',
      { timeout: 180_000 },
      ({ files, names }) => {
        const { status, stdout, stderr } = load(...files.map((file) => join(root, file)))
        expect(stderr.replace(/^go: .*\n/gm, '')).toBe('')
        expect(status).toBe(0)
        const { services } = JSON.parse(stdout) as { services: Record<string, Service> }
        expect(Object.keys(services).sort()).toEqual([...names].sort())
        const kafka = /<kafka\.version>(.*?)</.exec(
          readFileSync(join(root, 'tests/kafka/pom.xml'), 'utf8'),
        )
        expect(services['kafka']?.image).toBe(`apache/kafka:${kafka?.[1]}`)
        for (const [name, service] of Object.entries(services)) {
          // PostgreSQL and Caddy change nothing that Herald uses within a major version.
          expect(service.image, name).toMatch(
            /^herald:latest$|^\S+:v?\d+\.\d+\.\d+(-alpine)?$|^(postgres|caddy):\d+$/,
          )
          // An unlimited container takes the memory, processes or disk of all.
          expect(service, name).toMatchObject({
            mem_limit: expect.anything(),
            pids_limit: expect.anything(),
            logging: { driver: 'json-file', options: { 'max-size': '10m', 'max-file': '3' } },
          })
          for (const { host_ip: address } of service.ports ?? []) expect(address).toBe('127.0.0.1')
        }
        expect(Object.keys(services['converter']?.networks ?? {})).toEqual(['conversions'])
        expect(JSON.parse(stdout).networks.conversions.internal).toBe(true)
      },
    )

    test.each([
      { broker: 'rabbitmq', url: 'amqp://rabbitmq:5672' },
      { broker: 'nats', url: 'nats://nats:4222' },
    ])(
      'with docker-compose.$broker.yml every program uses it, and Kafka is not started',
      {
        timeout: 180_000,
      },
      ({ broker, url }) => {
        const files = ['docker-compose.yml', `docker-compose.${broker}.yml`]
        const { stdout } = load(...files.map((file) => join(root, file)))
        const { services } = JSON.parse(stdout) as { services: Record<string, Service> }
        expect(services['kafka']?.profiles).toEqual(['kafka'])
        for (const name of ['notifier', 'webhook', 'web', 'herald']) {
          expect(services[name], name).toMatchObject({
            environment: { HERALD_BROKER: url },
            depends_on: {
              kafka: { required: false },
              [broker]: { condition: 'service_healthy', required: true },
            },
          })
        }
      },
    )

    test('a fault in it would be found', { timeout: 180_000 }, () => {
      const folder = mkdtempSync(join(tmpdir(), 'herald-compose-'))
      try {
        const text = readFileSync(join(root, 'docker-compose.yml'), 'utf8')
        const broken = join(folder, 'docker-compose.yml')
        writeFileSync(broken, text.replace('service_healthy', 'service_fine'))
        expect(load(broken).status).toBe(1)
      } finally {
        rmSync(folder, { recursive: true })
      }
    })
  },
)
