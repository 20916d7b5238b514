import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'
import { fileURLToPath } from 'node:url'

const main = fileURLToPath(
  new URL('../../../../notifier-service/dist/src/main.js', import.meta.url),
)

export interface FleetOptions {
  /** One notifier each; its mail server. */
  readonly smtp: readonly string[]
  readonly env: Readonly<Record<string, string>>
  /** What each has besides `env`. */
  readonly envOf?: (index: number) => Readonly<Record<string, string>>
  /** A command that runs its arguments, for each: `ip netns exec …`. It becomes the process of the notifier. */
  readonly launcherOf?: (index: number) => readonly string[]
  /** Arguments of Node before the program: `--import …`. */
  readonly nodeArguments?: readonly string[]
}

interface NotifierProcess {
  readonly child: ChildProcess
  readonly ready: Promise<string>
  readonly ended: Promise<unknown>
}

/** Notifiers in separate processes, on one topic. */
export interface Fleet {
  /** Sends SIGKILL before it returns; resolves when the process has ended. */
  kill(index: number): Promise<void>
  /** Starts a new process for one that has ended. Resolves when it is ready. */
  start(index: number): Promise<void>
  /** SIGTERM; resolves to the exit status. */
  stop(index: number): Promise<number | null>
  /** Suspends it, or lets it continue. */
  signal(index: number, signal: 'SIGSTOP' | 'SIGCONT'): void
  pid(index: number): number | undefined
  /** The URL of its probes. */
  probes(index: number): string
  /** The last lines above level info of every notifier. */
  readonly warnings: readonly string[]
  /** Kills all; later calls of `start` do nothing. */
  destroy(): Promise<void>
}

const keptLines = 200

/** Resolves when all are ready. */
export async function startFleet({
  smtp,
  env,
  envOf,
  launcherOf,
  nodeArguments,
}: FleetOptions): Promise<Fleet> {
  const processes = new Map<number, NotifierProcess>()
  const urls: string[] = []
  const warnings: string[] = []
  let destroyed = false

  function begin(index: number): NotifierProcess {
    const node = [process.execPath, ...(nodeArguments ?? []), main]
    const [program = '', ...args] = [...(launcherOf?.(index) ?? []), ...node]
    const child = spawn(program, args, {
      env: {
        ...withoutHerald(process.env),
        HERALD_NOTIFIER_PROBES: '127.0.0.1:0',
        HERALD_SMTP: smtp[index],
        ...env,
        ...envOf?.(index),
      },
      stdio: ['ignore', 'ignore', 'pipe'],
    })
    const ended = once(child, 'exit')
    const ready = new Promise<string>((resolve, reject) => {
      const lines: string[] = []
      createInterface({ input: child.stderr as Readable }).on('line', (line) => {
        if (line.includes('"msg":"ready"')) resolve(JSON.parse(line).probes)
        if (line.startsWith('{"level":30') || line.startsWith('{"level":20')) return
        lines.push(line)
        warnings.push(`${index}: ${line}`)
        if (warnings.length > keptLines) warnings.shift()
      })
      child.once('error', reject)
      child.once('close', () => reject(new Error(`notifier ${index} ended:\n${lines.join('\n')}`)))
    })
    ready.catch(() => {})
    return { child, ready, ended }
  }

  const fleet: Fleet = {
    warnings,
    async kill(index) {
      const notifier = processes.get(index)
      if (notifier === undefined) return
      notifier.child.kill('SIGKILL')
      await notifier.ended
      processes.delete(index)
    },
    async start(index) {
      if (destroyed) return
      const notifier = begin(index)
      processes.set(index, notifier)
      urls[index] = await notifier.ready
    },
    async stop(index) {
      const notifier = processes.get(index)
      if (notifier === undefined) return null
      notifier.child.kill('SIGTERM')
      await notifier.ended
      processes.delete(index)
      return notifier.child.exitCode
    },
    signal: (index, signal) => void processes.get(index)?.child.kill(signal),
    pid: (index) => processes.get(index)?.child.pid,
    probes: (index) => urls[index] ?? '',
    async destroy() {
      destroyed = true
      await Promise.all([...processes.keys()].map((index) => fleet.kill(index)))
    },
  }
  try {
    await Promise.all(smtp.map((_, index) => fleet.start(index)))
  } catch (error) {
    await fleet.destroy()
    throw error
  }
  return fleet
}

function withoutHerald(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(env).filter(([name]) => !name.startsWith('HERALD_')))
}
