import { once } from 'node:events'
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { credentials } from '@grpc/grpc-js'
import { ConverterService } from '@herald/proto/converter'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { convert } from './convert.js'
import { startEndless } from './endless.js'
import { twoHalves } from './pictures.js'
import { childrenOf, isRunning } from './processes.js'
import { type ProgramUnderTest, startProgram } from './program-under-test.js'
import { waitFor } from './wait-for.js'

let spool: string
let running: ProgramUnderTest | undefined
beforeEach(async () => {
  spool = await mkdtemp(join(tmpdir(), 'herald-converter-program-'))
})
afterEach(async () => {
  await running?.end()
  await rm(spool, { recursive: true, force: true })
})

/** Starts the program; it is ended with the test. */
function start(env: Record<string, string> = {}) {
  running = startProgram(spool, env)
  return running
}

/** Has a conversion going that does not end by itself; `failed` resolves to what ended it. */
async function occupy(address: string) {
  const client = new ConverterService(address, credentials.createInsecure())
  return { client, ...(await startEndless(client)) }
}

test('it logs its address, serves health and metrics, and stops with 0', async () => {
  const { child, ready, exited } = start()
  const { address, probes } = await ready
  const client = new ConverterService(address, credentials.createInsecure())
  await convert(client, await twoHalves().png().toBuffer(), ['webp'])
  client.close()
  expect((await fetch(`${probes}/readyz`)).status).toBe(200)
  const metrics = await (await fetch(`${probes}/metrics`)).text()
  expect(metrics).toMatch(/herald_conversions_total\{.*outcome="ok".*\} 1/)
  expect(metrics).toMatch(/herald_queue_length\S* 0/)
  child.kill('SIGTERM')
  expect(await exited).toEqual([0, null])
  expect(await readdir(spool)).toEqual([])
})

test('killed during its work it leaves no child, and the next start cleans up', async () => {
  const { child, ready, exited } = start()
  const { address } = await ready
  const { client } = await occupy(address)
  const children = await childrenOf(child.pid ?? 0)
  // The child, the one for short tasks, and the guardian.
  expect(children).toHaveLength(3)
  child.kill('SIGKILL')
  await exited
  await waitFor(() => expect(children.filter(isRunning)).toEqual([]))
  client.close()
  expect(await readdir(spool)).toHaveLength(1)

  const foreign = join(spool, 'not-of-herald')
  await mkdir(foreign)
  await writeFile(join(foreign, 'file'), 'x')
  const second = start()
  await second.ready
  const left = await readdir(spool)
  expect(left).toHaveLength(2)
  expect(left).toContain('not-of-herald')
  expect(left.some((name) => name.includes(`-${second.child.pid}-`))).toBe(true)
  second.child.kill('SIGTERM')
  expect(await second.exited).toEqual([0, null])
})

test('a child that does not notice the exit of its parent is killed too', async () => {
  const { child, ready, exited } = start()
  await ready
  const children = await childrenOf(child.pid ?? 0)
  for (const pid of children) process.kill(pid, 'SIGSTOP')
  child.kill('SIGKILL')
  await exited
  for (const pid of children) if (isRunning(pid)) process.kill(pid, 'SIGCONT')
  await waitFor(() => expect(children.filter(isRunning)).toEqual([]))
})

test('after Ctrl-C for the whole group running work is finished', async () => {
  const { child, ready, exited } = start({ HERALD_TIMEOUT: '1500ms' })
  const { address } = await ready
  const { failed, client } = await occupy(address)
  const children = await childrenOf(child.pid ?? 0)
  for (const pid of children) process.kill(pid, 'SIGINT')
  child.kill('SIGINT')
  expect((await failed).code).toBe('HERALD_TIMEOUT')
  expect(await exited).toEqual([0, null])
  expect(children.filter(isRunning)).toEqual([])
  client.close()
})

test('a port in use is reported, and nothing is left running', async () => {
  const holder = createServer().listen(0, '127.0.0.1')
  await once(holder, 'listening')
  const { port } = holder.address() as { port: number }
  const { exited, lines } = start({ HERALD_CONVERTER_LISTEN: `127.0.0.1:${port}` })
  expect(await exited).toEqual([1, null])
  expect(lines.join('\n')).toContain(
    `The address 127.0.0.1:${port} is taken by process ${process.pid}`,
  )
  expect(await readdir(spool)).toEqual([])
  holder.close()
})

test('a spool that cannot be created is reported, without a stack trace', async () => {
  const file = join(spool, 'file')
  await writeFile(file, '')
  const { exited, lines } = start({ HERALD_SPOOL: join(file, 'spool') })
  expect(await exited).toEqual([1, null])
  expect(lines).toEqual([
    expect.stringMatching(/^The spool folder .* cannot be used: ENOTDIR.* Set HERALD_SPOOL to/),
  ])
})

test('an invalid configuration is reported in full, without a stack trace', async () => {
  const { exited, lines } = start({ HERALD_TIMEOUT: 'soon', HERALD_QUEUE: '-1' })
  expect(await exited).toEqual([2, null])
  const said = lines.join('\n')
  expect(said).toContain('Invalid HERALD_TIMEOUT "soon": expected a duration')
  expect(said).toContain('Invalid HERALD_QUEUE "-1":')
  expect(said).not.toMatch(/^\s+at /m)
})
