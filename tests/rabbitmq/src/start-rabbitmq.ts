import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { freePorts } from '@herald/runtime/test/ports'
import type { RabbitmqInstallation } from './find-rabbitmq.js'
import { RabbitmqProcess } from './rabbitmq-process.js'

export interface StartRabbitmqOptions {
  readonly installation: RabbitmqInstallation
  /** Created if absent, and kept. */
  readonly folder: string
  /** The clients' port. Default: any free. */
  readonly port?: number
  /** PEM files of the server; clients then connect to `tlsPort` too. */
  readonly tls?: { readonly ca: string; readonly cert: string; readonly key: string }
  /** Further settings of rabbitmq.conf. */
  readonly settings?: Readonly<Record<string, string>>
  /** Default: a server of its own. */
  readonly node?: ClusterNode
}

/** What the nodes of a cluster agree on. */
export interface ClusterNode {
  /** `herald1@localhost`. */
  readonly name: string
  /** Of Erlang's name server epmd, which the nodes share: it goes on while one of them runs. */
  readonly epmdPort: number
  /** Erlang's shared secret. */
  readonly cookie: string
}

/** A RabbitMQ on loopback, with its own user `guest`. */
export interface RabbitmqServer {
  /** `herald@localhost`. */
  readonly name: string
  readonly port: number
  /** Of the TLS listener, if `tls` was given. */
  readonly tlsPort: number
  /** `amqp://127.0.0.1:15672`: the value of HERALD_BROKER. */
  readonly url: string
  /** Starts it again on its data and ports; resolves when it accepts connections. */
  start(): Promise<void>
  /** Stops it in order; the data stays. Idempotent. */
  stop(): Promise<void>
  /** SIGKILLs it; the data stays. Idempotent. */
  kill(): Promise<void>
  /**
   * Resolves when its registry of queues is on disk. RabbitMQ writes it up to three seconds late
   * (`names.dets` of the Raft library), and after a kill -9 does not find queues that are not in it.
   */
  untilRegistered(): Promise<void>
  /** Suspends or continues it. */
  signal(signal: 'SIGSTOP' | 'SIGCONT'): void
  /** Runs rabbitmqctl; resolves to what it prints. */
  ctl(...args: string[]): Promise<string>
  /** The process id of Erlang. */
  pid(): Promise<number>
  /** SIGKILLs it and deletes its data. Idempotent. */
  destroy(): Promise<void>
}

/** `localhost` needs no name service. */
const defaultName = 'herald@localhost'

/** Starts RabbitMQ; resolves when it accepts connections. Rejects with an error that has its last lines. */
export async function startRabbitmq(options: StartRabbitmqOptions): Promise<RabbitmqServer> {
  const { installation, tls, node } = options
  const folder = resolve(options.folder)
  const [free = 0, tlsPort = 0, distPort = 0, freeForEpmd = 0] = await freePorts(4)
  const port = options.port ?? free
  const nodeName = node?.name ?? defaultName
  await mkdir(folder, { recursive: true })
  if (node !== undefined)
    await writeFile(join(folder, '.erlang.cookie'), node.cookie, { mode: 0o400 })
  await writeFile(
    join(folder, 'rabbitmq.conf'),
    toConfig({
      'listeners.tcp.local': `127.0.0.1:${port}`,
      ...(tls && {
        'listeners.ssl.local': `127.0.0.1:${tlsPort}`,
        'ssl_options.cacertfile': tls.ca,
        'ssl_options.certfile': tls.cert,
        'ssl_options.keyfile': tls.key,
      }),
      'disk_free_limit.absolute': '50MB',
      'log.console': 'false',
      ...options.settings,
    }),
  )
  await writeFile(join(folder, 'enabled_plugins'), '[].\n')
  const epmdPort = node?.epmdPort ?? freeForEpmd
  const env = environment(folder, nodeName, { port, distPort, epmdPort })
  const server = new RabbitmqProcess({ installation, folder, port, env })
  await server.start()
  return {
    name: nodeName,
    port,
    tlsPort,
    url: `amqp://127.0.0.1:${port}`,
    start: () => server.start(),
    async stop() {
      await server.stop()
      await server.killEpmd()
    },
    kill: () => server.kill(),
    async untilRegistered() {
      while (!(await isRegistered(folder, nodeName))) await pause(50)
    },
    signal: (signal) => server.signal(signal),
    ctl: (...args) => server.ctl(...args),
    pid: () => server.pid(),
    async destroy() {
      server.signal('SIGCONT')
      await server.kill()
      await server.killEpmd()
      await rm(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 })
    },
  }
}

async function isRegistered(folder: string, nodeName: string): Promise<boolean> {
  for (const system of ['quorum', 'coordination']) {
    const systemFolder = join(folder, 'mnesia', nodeName, system, nodeName)
    const entries = await readdir(systemFolder, { withFileTypes: true }).catch(() => [])
    const registry = await readFile(join(systemFolder, 'names.dets')).catch(() => Buffer.alloc(0))
    const queues = entries.filter((entry) => entry.isDirectory())
    if (!queues.every(({ name }) => registry.includes(name))) return false
  }
  return true
}

const toConfig = (settings: Readonly<Record<string, string>>) =>
  Object.entries(settings)
    .map(([name, value]) => `${name} = ${value}\n`)
    .join('')

/** Nothing of the machine's own RabbitMQ or Erlang is used. */
function environment(
  folder: string,
  nodeName: string,
  { port, distPort, epmdPort }: Record<'port' | 'distPort' | 'epmdPort', number>,
  env = process.env,
): NodeJS.ProcessEnv {
  const onLoopback = '-kernel inet_dist_use_interface {127,0,0,1}'
  return {
    PATH: env['PATH'],
    LANG: 'C.UTF-8',
    // Erlang's cookie is made here.
    HOME: folder,
    ERL_EPMD_PORT: String(epmdPort),
    ERL_EPMD_ADDRESS: '127.0.0.1',
    RABBITMQ_NODENAME: nodeName,
    RABBITMQ_NODE_PORT: String(port),
    RABBITMQ_DIST_PORT: String(distPort),
    RABBITMQ_MNESIA_BASE: join(folder, 'mnesia'),
    RABBITMQ_LOG_BASE: join(folder, 'log'),
    RABBITMQ_PID_FILE: join(folder, 'pid'),
    RABBITMQ_CONFIG_FILE: join(folder, 'rabbitmq'),
    RABBITMQ_ENABLED_PLUGINS_FILE: join(folder, 'enabled_plugins'),
    RABBITMQ_CONF_ENV_FILE: '/dev/null',
    RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS: onLoopback,
    RABBITMQ_CTL_ERL_ARGS: onLoopback,
  }
}
