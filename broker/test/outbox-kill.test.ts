import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as after } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { openBroker } from '@herald/broker'
import { silentLogger } from '@herald/runtime'
import { expect, onTestFinished, test } from 'vitest'
import { relayOnce } from '#src/outbox/relay'
import { makeFolders } from './outbox-folder.js'

const announcer = fileURLToPath(new URL('../dist/test/programs/announcer.js', import.meta.url))
const logger = silentLogger
const processesAtOnce = 3
const kills = Number(process.env['HERALD_TEST_KILLS'] ?? 12)
const seed = Number(process.env['HERALD_TEST_SEED'] ?? Math.floor(Math.random() * 2 ** 31))

/** Numbers from 0 to 1, the same for the same seed (mulberry32). */
function randomFrom(start: number): () => number {
  let state = start
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

test('kill -9 at any moment loses no announcement, truncates no file, and keeps the order of each key', {
  timeout: 120_000,
}, async () => {
  const random = randomFrom(seed)
  const plan = Array.from({ length: kills }, () => Math.round(random() * 250))
  console.log(`HERALD_TEST_SEED=${seed}; killed, in ms after it is at work: ${plan.join(' ')}`)

  const folders = await makeFolders()
  const running = new Set<ChildProcess>()
  onTestFinished(() => {
    for (const child of running) child.kill('SIGKILL')
  })
  const accepted: string[] = []

  const announceUntilKilled = async (name: string, afterMs: number) => {
    const child = spawn(process.execPath, [announcer, folders.directory, name], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    running.add(child)
    const exited = once(child, 'exit')
    const lines = createInterface({ input: child.stdout })
    const ended = once(lines, 'close')
    const atWork = new Promise<void>((resolve) => {
      lines.on('line', (line) => {
        if (line === 'at work') resolve()
        else accepted.push(line.replace('placed ', ''))
      })
    })
    await Promise.race([atWork, exited])
    await after(afterMs)
    child.kill('SIGKILL')
    const [, signal] = await exited
    expect(signal).toBe('SIGKILL')
    await ended
    running.delete(child)
  }
  let next = 0
  const keepOneRunning = async () => {
    for (let n = next++; n < kills; n = next++) await announceUntilKilled(`${n}`, plan[n] ?? 0)
  }
  await Promise.all(Array.from({ length: processesAtOnce }, keepOneRunning))

  const broker = await openBroker(folders.brokerUrl, { logger, partitions: 4 })
  onTestFinished(() => broker.close())
  const outbox = await folders.open()
  const left = outbox.entries()
  const relayed = await relayOnce(outbox, () => openBroker(folders.brokerUrl, { logger }), {
    logger,
    timeoutMs: 60_000,
  })
  expect(relayed).toMatchObject({ left: 0, lastError: undefined })
  expect(outbox.entries()).toEqual([])

  const events: { id: string; key: string; name: string; n: number }[] = []
  const subscription = await broker.subscribe(
    { topic: 'notifications', group: 'check' },
    async ({ key, value, headers }) => {
      const id = Buffer.from(headers['ce_id'] ?? []).toString()
      events.push({ id, key: key ?? '', ...JSON.parse(Buffer.from(value).toString()) })
    },
  )
  await expect.poll(() => subscription.lag()).toBe(0)
  await subscription.close()

  const names = await readdir(folders.files)
  const placed = names.filter((name) => !name.startsWith('.'))
  const parts = names.filter((name) => name.startsWith('.'))
  const announced = new Set(events.map(({ id }) => id))
  console.log(
    `${accepted.length} accepted, ${placed.length} files, ${events.length} events of ${announced.size} ids; ` +
      `found after the last kill: ${left.length} entries (${left.filter(({ state }) => state.kind === 'prepared').length} prepared)`,
  )
  expect(accepted.length).toBeGreaterThan(0)
  expect([...announced].sort()).toEqual(placed.sort())
  expect(accepted.filter((id) => !announced.has(id))).toEqual([])
  for (const id of placed) {
    expect(await readFile(join(folders.files, id), 'utf8')).toBe(`${id}\n`.repeat(2000))
  }
  // Only what was killed before it had a record can leave a part behind.
  expect(parts.length).toBeLessThanOrEqual(kills)

  const meanings = new Map<string, string>()
  const lastOfKey = new Map<string, number>()
  for (const { id, key, name, n } of events) {
    const meaning = `${name} ${n}`
    expect(meanings.get(id) ?? meaning).toBe(meaning)
    if (meanings.has(id)) continue
    meanings.set(id, meaning)
    expect(n).toBeGreaterThan(lastOfKey.get(`${name} ${key}`) ?? -1)
    lastOfKey.set(`${name} ${key}`, n)
  }
  expect(new Set(meanings.values()).size).toBe(meanings.size)
  expect(await readdir(folders.directory), 'two relays sent at once').not.toContain('violations')
})
