import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { connect, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { findKafka, startKafka } from '@herald/kafka'
import { freePorts, isFree } from '@herald/runtime/test/ports'
import { describe, expect, onTestFinished, test } from 'vitest'

const found = await findKafka()
const leftOut = 'missing' in found ? ` (left out: ${found.missing})` : ''

async function folder(): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'herald-kafka-'))
  onTestFinished(() => rm(directory, { recursive: true, force: true }))
  return directory
}

function connects(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => {
      socket.destroy()
      resolve(true)
    })
    socket.on('error', () => resolve(false))
  })
}

/** `npm run kafka` as a process; killed with the test. */
function runMain(args: string[], env: NodeJS.ProcessEnv = {}) {
  const main = fileURLToPath(new URL('../dist/src/main.js', import.meta.url))
  const child: ChildProcess = spawn(process.execPath, [main, ...args], {
    env: { ...process.env, ...env },
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  let said = ''
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    said += text
  })
  const ended = new Promise<number | null>((resolve) => child.once('close', resolve))
  onTestFinished(() => {
    child.kill('SIGKILL')
  })
  return { child, ended, said: () => said }
}

describe.skipIf(leftOut !== '')(`a Kafka of its own${leftOut}`, () => {
  test('is killed, comes back on its port and data, stops in order', async () => {
    const kafka = await startKafka({ dataDirectory: await folder() })
    onTestFinished(() => kafka.destroy())
    const port = Number(kafka.bootstrap.split(':')[1])
    expect(kafka.url).toBe(`kafka://127.0.0.1:${port}`)
    expect(await connects(port)).toBe(true)
    await kafka.kill(0)
    expect(kafka.pid(0)).toBeUndefined()
    expect(await connects(port)).toBe(false)
    await kafka.restart(0)
    expect(await connects(port)).toBe(true)
    await kafka.stop()
    await kafka.stop()
    expect(await connects(port)).toBe(false)
  })

  test('starts with a cluster id that begins with a dash', async () => {
    const dataDirectory = await folder()
    await writeFile(join(dataDirectory, 'cluster-id'), '-J9wV4hDbE7xNujnYMlnwg')
    const kafka = await startKafka({ dataDirectory })
    await kafka.destroy()
  })

  test('names the port that is taken', async () => {
    const [port = 0] = await freePorts(1)
    const holder = createServer()
    await new Promise<void>((resolve) => holder.listen(port, '127.0.0.1', resolve))
    onTestFinished(() => {
      holder.close()
    })
    const starting = startKafka({ dataDirectory: await folder(), port })
    await expect(starting).rejects.toMatchObject({
      name: 'KafkaStartError',
      message: expect.stringContaining(`Port ${port} is in use`),
    })
  })

  test('shows the end of its log when it cannot start', async () => {
    const settings = { 'log.retention.ms': 'never' }
    const starting = startKafka({ dataDirectory: await folder(), settings })
    await expect(starting).rejects.toMatchObject({
      name: 'KafkaStartError',
      message: expect.stringContaining('log.retention.ms'),
    })
  })

  test('as a command prints HERALD_BROKER, and Ctrl-C stops it', async () => {
    const [port = 0] = await freePorts(1)
    const data = await folder()
    const command = runMain(['--port', String(port), '--data', data])
    await expect.poll(command.said).toContain(`HERALD_BROKER=kafka://localhost:${port}`)
    expect(await connects(port)).toBe(true)
    command.child.kill('SIGINT')
    expect(await command.ended).toBe(0)
    await expect.poll(() => isFree(port)).toBe(true)
  })

  test('does not outlive the process that started it', async () => {
    const [port = 0] = await freePorts(1)
    const command = runMain(['--port', String(port), '--data', await folder()])
    await expect.poll(command.said).toContain('is ready')
    command.child.kill('SIGKILL')
    await expect.poll(() => connects(port)).toBe(false)
  })
})

test('reports that Java is missing, and what to do', async () => {
  const { JAVA_HOME: _, ...env } = process.env
  expect(await findKafka({ ...env, PATH: '/nowhere' })).toEqual({
    missing: expect.stringMatching(/Java 17 or newer.*Install it/),
  })
})

test.skipIf(leftOut !== '')(
  `reports that Maven is missing if there are no jars${leftOut}`,
  async () => {
    const java = 'missing' in found ? '' : found.installation.java
    const home = await folder()
    const path = await pathWithJavaOnly(java)
    expect(await findKafka({ HOME: home, PATH: path })).toEqual({
      missing: expect.stringMatching(/Maven is not installed.*Install Maven/),
    })
  },
)

test('a bad port is refused as a sentence', async () => {
  const command = runMain(['--port', 'http'])
  expect(await command.ended).toBe(1)
  expect(command.said()).toContain('--port http is not a port')
  expect(command.said()).not.toContain('    at ')
})

async function pathWithJavaOnly(java: string): Promise<string> {
  const directory = await folder()
  const real = execFileSync('sh', ['-c', `command -v "${java}"`], { encoding: 'utf8' }).trim()
  await symlink(real, join(directory, 'java'))
  return directory
}
