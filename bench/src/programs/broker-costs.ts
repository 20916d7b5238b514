// broker-costs [NAME ...]: what each broker's server costs to run, as a table in Markdown. Names as in
// `otherServers`, and Kafka.
import { lstat, mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { type Message, openBroker } from '@herald/broker'
import { silentLogger } from '@herald/runtime'
import { type BrokerServer, openKafkaServer, otherServers } from '../broker-servers.js'
import { makeEvents } from '../events.js'
import { runConcurrently } from '../per-second.js'
import { processGroupUsage } from '../process-group.js'

const servers = { Kafka: openKafkaServer, ...otherServers }
const count = 10_000
const callers = 32
const settleMs = 5000
const observedMs = 20_000
const perSecond = 100
const topic = 'costs'

const usageOf = async ({ pid }: BrokerServer) => ({
  server:
    pid === undefined
      ? { residentBytes: Number.NaN, processorMs: Number.NaN }
      : await processGroupUsage(pid),
  heraldMs: (process.cpuUsage().user + process.cpuUsage().system) / 1000,
})

/** The processor time of the server and of this process during `work`, in ms. */
async function processorDuring(server: BrokerServer, work: () => Promise<unknown>) {
  const before = await usageOf(server)
  await work()
  const after = await usageOf(server)
  return {
    serverMs: after.server.processorMs - before.server.processorMs,
    heraldMs: after.heraldMs - before.heraldMs,
  }
}

async function bytesOnDisk(path: string): Promise<number> {
  const stat = await lstat(path)
  const names = stat.isDirectory() ? await readdir(path) : []
  const sizes = await Promise.all(names.map((name) => bytesOnDisk(join(path, name))))
  return sizes.reduce((sum, size) => sum + size, stat.blocks * 512)
}

async function costsOf(name: string, server: BrokerServer): Promise<string[]> {
  await pause(settleMs)
  const atStart = (await usageOf(server)).server.residentBytes
  const diskAtStart = await bytesOnDisk(server.folder)
  const broker = await openBroker(server.url, { logger: silentLogger })
  let handled = 0
  await broker.subscribe({ topic, group: 'all' }, async () => {
    handled += 1
  })
  let published = 0
  const publish = (event: Message) => {
    published += 1
    return broker.publish(topic, [event])
  }
  const untilHandled = async () => {
    while (handled < published) await pause(10)
  }
  const pass = async (events: readonly Message[]) => {
    await runConcurrently(events.length, callers, (index) => publish(events[index] as Message))
    await untilHandled()
  }
  await pass(makeEvents(count))
  await pause(settleMs)
  const afterwards = (await usageOf(server)).server.residentBytes
  const disk = (await bytesOnDisk(server.folder)) - diskAtStart
  // The second time, when the programs are compiled.
  const events = makeEvents(count)
  const passing = await processorDuring(server, () => pass(events))
  await pause(settleMs)
  const idle = await processorDuring(server, () => pause(observedMs))
  const steady = makeEvents((observedMs / 1000) * perSecond)
  const atRate = await processorDuring(server, async () => {
    const from = performance.now()
    for (const [index, event] of steady.entries()) {
      await pause(Math.max(0, from + (index * 1000) / perSecond - performance.now()))
      void publish(event)
    }
    await untilHandled()
  })
  await broker.close()
  const mebibytes = (bytes: number) =>
    Number.isNaN(bytes) ? '–' : String(Math.round(bytes / 1024 ** 2))
  const each = (ms: number, per: number, digits: number) =>
    Number.isNaN(ms) ? '–' : (ms / per).toFixed(digits)
  const percent = (ms: number) => each(ms * 100, observedMs, 1)
  return [
    `${name} (${server.version})`,
    mebibytes(atStart),
    mebibytes(afterwards),
    mebibytes(disk),
    each(passing.serverMs, count / 1000, 0),
    each(passing.heraldMs, count / 1000, 0),
    percent(idle.serverMs),
    percent(idle.heraldMs),
    percent(atRate.serverMs),
    percent(atRate.heraldMs),
  ]
}

const row = (cells: readonly string[]) => console.log(`| ${cells.join(' | ')} |`)
row([
  'broker',
  'server, MiB after start',
  `MiB after ${count} events`,
  `disk for ${count} events, MiB`,
  'server, ms per 1,000 events',
  'Herald, ms per 1,000 events',
  'server at rest, % of a core',
  'Herald at rest, %',
  `server at ${perSecond} events/s, %`,
  `Herald at ${perSecond} events/s, %`,
])
row(Array.from({ length: 10 }, () => '---'))
const chosen = process.argv.slice(2)
for (const [name, open] of Object.entries(servers)) {
  if (chosen.length > 0 && !chosen.includes(name)) continue
  const folder = await mkdtemp(join(tmpdir(), 'herald-costs-'))
  const closers: (() => unknown)[] = [() => rm(folder, { recursive: true, force: true })]
  try {
    const server = await open({ folder, defer: (close) => void closers.push(close) })
    if ('missing' in server) console.error(`${name}: absent: ${server.missing}`)
    else row(await costsOf(name, server))
  } finally {
    for (const close of closers.reverse()) await close()
  }
}
process.exit(0)
