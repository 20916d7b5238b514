import { mkdir, readdir, rm, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { PassThrough } from 'node:stream'
import { openOutbox } from '@herald/broker/outbox'
import { OutboxStore } from '@herald/broker/outbox-store'
import { silentLogger, thisProcess } from '@herald/runtime'
import { openStore } from '@herald/runtime/store'
import { describe, expect, test } from 'vitest'
import { flushInSteps } from '../src/announcer.js'
import { createProgram } from '../src/program.js'
import { workshopWith } from './workshop.js'

describe('a flush', () => {
  const signal = new AbortController().signal
  const step = (published: number, left: number, lastError?: string) => ({
    published,
    left,
    lastError,
  })

  /** What the steps resolve to, in turn; more steps are an error. */
  function scripted(steps: (ReturnType<typeof step> | undefined)[]) {
    return async () => {
      if (steps.length === 0) throw new Error('one step too many')
      return steps.shift()
    }
  }

  test('continues while the broker accepts some, and prints the total', async () => {
    const steps = scripted([step(3, 7, 'slow'), step(5, 2, 'slow'), step(2, 0)])
    expect(await flushInSteps(steps, () => 10, signal)).toEqual({
      published: 10,
      left: 0,
      reason: undefined,
    })
  })

  test('continues while a relay of another process publishes', async () => {
    const steps = scripted([step(0, 6), step(0, 0)])
    expect(await flushInSteps(steps, () => 10, signal)).toMatchObject({ published: 0, left: 0 })
  })

  test('ends with the reason when a step changes nothing', async () => {
    const steps = scripted([step(1, 9), step(0, 9, 'refused')])
    expect(await flushInSteps(steps, () => 10, signal)).toEqual({
      published: 1,
      left: 9,
      reason: 'refused',
    })
  })

  test('ends when the broker cannot be opened, and counts what is left', async () => {
    expect(await flushInSteps(scripted([undefined]), () => 4, signal)).toEqual({
      published: 0,
      left: 4,
      reason: undefined,
    })
  })

  test('ends after the step in which it is interrupted', async () => {
    const stop = new AbortController()
    const steps = async () => {
      stop.abort()
      return step(3, 7)
    }
    expect(await flushInSteps(steps, () => 10, stop.signal)).toMatchObject({
      published: 3,
      left: 7,
    })
  })
})

async function workshop() {
  const shop = await workshopWith()
  const directory = shop.path('data', 'outbox')
  const announcement = {
    topic: 'notifications',
    messages: [{ key: null, value: Buffer.from('x'), headers: {} }],
    label: 'a.png',
  }
  /** An entry for a broker that is not there, of a process that is not, unless it is given. */
  const prepare = async (
    files: string[],
    owner: object = { ...thisProcess, startedAt: '1' },
    broker = 'kafka://gone:9092',
  ) => {
    for (const name of files) {
      await mkdir(dirname(shop.path(name)), { recursive: true })
      await writeFile(shop.path(`${name}.part`), name)
    }
    const outbox = await openOutbox(directory, { broker, logger: silentLogger })
    const id = await outbox.prepare({
      ...announcement,
      files: files.map((name) => ({
        temporaryPath: shop.path(`${name}.part`),
        finalPath: shop.path(name),
        sha256: '0'.repeat(64),
      })),
    })
    await outbox.close()
    const store = openStore(directory)
    const entries = store.table<object, string>('outbox-entries')
    await store.write(() => entries.put(id, { ...entries.get(id), owner }))
    await store.close()
    return id
  }
  /** In this process; `answer` is typed, and standard input stays open. */
  const herald = async (args: string[], answer = '') => {
    const lines: string[] = []
    const tell = (line: string) => void lines.push(line)
    const stdin = new PassThrough()
    stdin.write(answer)
    const program = createProgram({
      env: { HERALD_DATA: shop.path('data'), HERALD_BROKER: shop.brokerUrl },
      terminal: { log: tell, print: tell } as never,
      stdin,
      stdout: new PassThrough(),
      signal: new AbortController().signal,
    })
    const status = await program.run(['outbox', ...args])
    return { status, text: lines.join('\n') }
  }
  const drop = (args: string[], answer = '') => herald(['drop', ...args], answer)
  const kept = async () => {
    const store = await OutboxStore.open(openStore(directory), shop.brokerUrl)
    const ids = [...store.unpublished()].map(({ id }) => id)
    await store.close()
    return ids
  }
  return { shop, herald, prepare, drop, kept }
}

describe('herald outbox drop', () => {
  test('shows what it means, and drops the entry when it is confirmed', async () => {
    const { prepare, drop, kept } = await workshop()
    const [id, other] = [await prepare([]), await prepare([])]
    const { status, text } = await drop([id], 'y\n')
    expect(text).toMatch(/^The announcement of a\.png was not sent yet\. It is .* old\.\n/)
    expect(text).toContain('1 recipient gets no e-mail about it')
    expect(text).toMatch(/\nDropped\.$/)
    expect(status).toBe(0)
    expect(await kept()).toEqual([other])
  })

  test('keeps the entry after any other answer', async () => {
    const { prepare, drop, kept } = await workshop()
    const id = await prepare([])
    expect(await drop([id], 'what?\n')).toMatchObject({ status: 130 })
    expect(await kept()).toEqual([id])
  })

  test('removes temporary files of a prepared entry, and no file under its final name', async () => {
    const { shop, prepare, drop, kept } = await workshop()
    const id = await prepare(['a.webp', 'b.webp'])
    await writeFile(shop.path('a.webp'), 'finished')
    const { text } = await drop([id], 'yes\n')
    expect(text).toContain(`do not have their final names yet`)
    expect(text).toContain(join(shop.folder, 'b.webp'))
    expect(await kept()).toEqual([])
    expect((await readdir(shop.folder)).sort()).toEqual(['a.webp', 'data'])
  })

  test('with --yes does not ask', async () => {
    const { prepare, drop, kept } = await workshop()
    expect(await drop(['--yes', await prepare([])])).toEqual({ status: 0, text: 'Dropped.' })
    expect(await kept()).toEqual([])
  })

  test('leaves alone what a running process is placing', async () => {
    const { prepare, drop, kept } = await workshop()
    const id = await prepare(['a.webp'], thisProcess)
    const { status, text } = await drop(['--yes', id])
    expect(status).toBe(5)
    expect(text).toContain(`process ${process.pid} is putting its files in place`)
    expect(await kept()).toEqual([id])
  })

  test('reports an unknown id, exit status 3', async () => {
    const { prepare, drop } = await workshop()
    expect(await drop(['nothing'])).toMatchObject({ status: 3 })
    await prepare([])
    expect(await drop(['--yes', 'nothing'])).toEqual({
      status: 3,
      text: 'herald: The announcement nothing is unknown.',
    })
  })
})

test('a flush reports files that cannot get their final names, with the reason and what to do, exit status 5', async () => {
  const { shop, herald, prepare, kept } = await workshop()
  const id = await prepare(['gone/a.webp'], undefined, shop.brokerUrl)
  await rm(shop.path('gone'), { recursive: true })
  const { status, text } = await herald(['flush'])
  expect(text).toMatch(/^herald: a\.png cannot be announced: cannot look for its file in .*gone;/)
  expect(text).toContain(`herald outbox drop ${id}`)
  expect(status).toBe(5)
  expect(await kept()).toEqual([id])
})
