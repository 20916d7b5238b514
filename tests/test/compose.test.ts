import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { converterFlags } from '@herald/stack/programs'
import { describe, expect, test } from 'vitest'

const root = fileURLToPath(new URL('../../', import.meta.url))
const hasGo = spawnSync('go', ['version']).status === 0

/** What Docker Compose's own loader says of a file: its services, or its fault. */
function load(file: string) {
  const { status, stdout, stderr } = spawnSync('go', ['run', '.', file], {
    cwd: join(root, 'tests/compose-check'),
    encoding: 'utf8',
  })
  return { status, stdout, stderr }
}

test('the containers start the converter as npm start does', () => {
  const command = ['node', ...converterFlags, '/herald/converter-service/dist/src/main.js']
  const text = readFileSync(join(root, 'docker-compose.yml'), 'utf8')
  expect(text).toContain(`command: ["${command.join('", "')}"]`)
})

describe.skipIf(!hasGo)(
  `docker-compose.yml, read by the library of Docker Compose${hasGo ? '' : ' (left out: Go is not installed)'}`,
  () => {
    test('is valid, and every image but our own names a version', { timeout: 180_000 }, () => {
      const { status, stdout, stderr } = load(join(root, 'docker-compose.yml'))
      expect(stderr.replace(/^go: .*\n/gm, '')).toBe('')
      expect(status).toBe(0)
      const services = stdout.trim().split('\n')
      expect(services.map((line) => line.split(' ')[0])).toEqual(
        expect.arrayContaining([
          'converter',
          'herald',
          'kafka',
          'mailhog',
          'notifier',
          'topics',
          'web',
        ]),
      )
      const kafka = /<kafka\.version>(.*?)</.exec(readFileSync(join(root, 'kafka/pom.xml'), 'utf8'))
      expect(services).toContain(`kafka apache/kafka:${kafka?.[1]}`)
      for (const line of services) expect(line).toMatch(/ \S+:v?\d+\.\d+\.\d+$/)
    })

    test('a fault in it would be found', { timeout: 180_000 }, () => {
      const folder = mkdtempSync(join(tmpdir(), 'herald-compose-'))
      try {
        const text = readFileSync(join(root, 'docker-compose.yml'), 'utf8')
        const broken = join(folder, 'docker-compose.yml')
        writeFileSync(broken, text.replace('service_completed_successfully', 'service_done'))
        expect(load(broken).status).toBe(1)
      } finally {
        rmSync(folder, { recursive: true })
      }
    })
  },
)
