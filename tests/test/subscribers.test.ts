import { spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { openBroker } from '@herald/broker'
import { findKafka, startKafka } from '@herald/kafka'
import { silentLogger } from '@herald/runtime'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { makeEvents, people } from '#src/faults/events'
import { seeded } from '#src/faults/seeded'

const root = fileURLToPath(new URL('../../', import.meta.url))
const page = readFileSync(join(root, 'docs/subscribers.md'), 'utf8')
const [onKafka = '', onAny = ''] = [...page.matchAll(/```js\n([\s\S]*?)```/g)].map(
  ([, code = '']) => code,
)

function newFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'herald-subscriber-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

/** Runs a program of the page; resolves to the lines it prints, as they come. */
function run(code: string, env: Record<string, string>): string[] {
  const folder = newFolder()
  writeFileSync(join(folder, 'subscriber.mjs'), code)
  symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'))
  const child = spawn(process.execPath, ['subscriber.mjs'], {
    cwd: folder,
    env: { PATH: process.env['PATH'], KAFKAJS_LOG_LEVEL: 'NOTHING', ...env },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  onTestFinished(() => void child.kill('SIGKILL'))
  const lines: string[] = []
  createInterface({ input: child.stdout }).on('line', (line) => {
    // kafkajs writes its log there as well.
    if (!line.startsWith('{')) lines.push(line)
  })
  return lines
}

async function announce(url: string) {
  const events = makeEvents(5, people(2), seeded(1))
  const broker = await openBroker(url, { logger: silentLogger })
  try {
    await broker.publish(
      'notifications',
      events.map(({ message }) => message),
    )
  } finally {
    await broker.close()
  }
  return events.map(({ id, recipient }) => `herald.file.converted.v1 ${id} ${id} ${recipient}`)
}

test('an example is twenty lines or so', () => {
  for (const code of [onKafka, onAny]) {
    const lines = code.trim().split('\n')
    expect(lines.length).toBeGreaterThan(8)
    expect(lines.length).toBeLessThanOrEqual(24)
  }
})

test('the subscriber on any broker sees what is announced, on the embedded one', {
  timeout: 60_000,
}, async () => {
  const url = `embedded:${join(newFolder(), 'broker')}`
  const expected = await announce(url)
  const lines = run(onAny, { HERALD_BROKER: url })
  await vi.waitFor(() => expect([...lines].sort()).toEqual([...expected].sort()), 40_000)
})

const found = await findKafka()
const leftOut = 'missing' in found ? ` (left out: ${found.missing})` : ''

describe.skipIf(leftOut !== '')(`on Apache Kafka${leftOut}`, () => {
  test('the subscriber that knows nothing of Herald but its proto sees what is announced', async () => {
    const kafka = await startKafka({ dataDirectory: join(newFolder(), randomUUID()) })
    onTestFinished(() => kafka.destroy())
    const expected = await announce(kafka.url)
    const lines = run(onKafka, {
      KAFKA: kafka.url.replace('kafka://', ''),
      PROTO: join(root, 'proto/herald/events/v1/events.proto'),
    })
    await vi.waitFor(() => expect([...lines].sort()).toEqual([...expected].sort()), 60_000)
  })
})
