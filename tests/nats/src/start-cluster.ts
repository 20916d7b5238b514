import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { freePort } from '@herald/runtime/test/ports'
import type { NatsInstallation } from './find-nats.js'
import { type NatsServer, startNats } from './start-nats.js'

/** Three NATS servers on loopback with JetStream, each with its own data. */
export interface NatsCluster {
  /** `nats://127.0.0.1:14222,127.0.0.1:15222,127.0.0.1:16222`. */
  readonly url: string
  readonly nodes: readonly NatsServer[]
  /** Resolves when every node that runs has the data of the others. Rejects after a minute. */
  untilCurrent(): Promise<void>
  /** The index of the node that leads a stream; undefined if none does. */
  leaderOf(stream: string): Promise<number | undefined>
  /** SIGKILLs the nodes and deletes their data. */
  destroy(): Promise<void>
}

const size = 3
const currentTimeoutMs = 60_000

/** Resolves when the nodes have elected a leader and accept requests of JetStream. */
export async function startNatsCluster(installation: NatsInstallation): Promise<NatsCluster> {
  const folder = await mkdtemp(join(tmpdir(), 'herald-nats-cluster-'))
  const folders = Array.from({ length: size }, (_, index) => join(folder, `node${index}`))
  const ports = await distinctPorts(3 * size)
  const clientPorts = ports.slice(0, size)
  const routePorts = ports.slice(size, 2 * size)
  const monitorPorts = ports.slice(2 * size)
  const routes = routePorts.map((port) => `nats://127.0.0.1:${port}`).join(', ')
  const config = (index: number) =>
    `http: 127.0.0.1:${monitorPorts[index]}
cluster { name: herald, listen: "127.0.0.1:${routePorts[index]}", routes: [${routes}] }`
  const starts = await Promise.allSettled(
    folders.map((each, index) =>
      startNats({
        installation,
        folder: each,
        ...(clientPorts[index] && { port: clientPorts[index] }),
        config: config(index),
      }),
    ),
  )
  const nodes = starts.flatMap((start) => (start.status === 'fulfilled' ? [start.value] : []))
  const destroy = async () => {
    await Promise.all(nodes.map((node) => node.destroy()))
    await rm(folder, { recursive: true, force: true })
  }

  const running = () =>
    monitorPorts.filter((_, index) => nodes[index]?.pid !== undefined).map(monitorAt)

  async function untilCurrent(): Promise<void> {
    const end = Date.now() + currentTimeoutMs
    for (;;) {
      const answers = await Promise.all(running().map((monitor) => monitor('healthz')))
      const states = answers.map((answer) => answer?.['status'])
      if (states.every((state) => state === 'ok')) return
      if (Date.now() > end)
        throw new Error(`The cluster is not current: ${JSON.stringify(answers)}`)
      await pause(50)
    }
  }

  async function leaderOf(stream: string): Promise<number | undefined> {
    for (const monitor of running()) {
      const answer = (await monitor('jsz?streams=true')) as Jsz | undefined
      const streams = answer?.account_details?.flatMap(({ stream_detail = [] }) => stream_detail)
      const leader = streams?.find(({ name }) => name === stream)?.cluster?.leader
      // A server has the path of its folder as its name.
      if (leader) return folders.indexOf(leader)
    }
    return undefined
  }

  try {
    const failed = starts.find((start) => start.status === 'rejected')
    if (failed !== undefined) throw failed.reason
    await untilCurrent()
  } catch (error) {
    await destroy()
    throw error
  }
  const url = `nats://${nodes.map(({ address }) => address).join(',')}`
  return { url, nodes, untilCurrent, leaderOf, destroy }
}

/** https://docs.nats.io/running-a-nats-service/nats_admin/monitoring#jetstream-information-jsz */
interface Jsz {
  readonly account_details?: readonly {
    readonly stream_detail?: readonly { name: string; cluster?: { leader?: string } }[]
  }[]
}

/** Asks a server's monitoring. Resolves to undefined if it does not answer. */
const monitorAt =
  (port: number) =>
  async (path: string): Promise<Record<string, unknown> | undefined> => {
    try {
      const signal = AbortSignal.timeout(2000)
      const response = await fetch(`http://127.0.0.1:${port}/${path}`, { signal })
      return (await response.json()) as Record<string, unknown>
    } catch {
      return undefined
    }
  }

async function distinctPorts(count: number): Promise<number[]> {
  const ports = new Set<number>()
  while (ports.size < count) ports.add(await freePort())
  return [...ports]
}
