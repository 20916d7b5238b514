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
  /** Arguments of Node before the program: `--import …`. */
  readonly nodeArguments?: readonly string[]
}

interface NotifierLife {
  readonly child: ChildProcess
  readonly ready: Promise<string>
  readonly ended: Promise<unknown>
}

/** Notifiers in processes of their own, on one topic and one data folder. */
export interface Fleet {
  /** Sends SIGKILL before it returns; resolves when the process is gone. */
  kill(index: number): Promise<void>
  /** A new process in the place of one that is gone. Resolves when it is ready. */
  start(index: number): Promise<void>
  /** SIGTERM; resolves to the exit status. */
  stop(index: number): Promise<number | null>
  pid(index: number): number | undefined
  /** Where its probes are. */
  probes(index: number): string
  /** The last lines of every notifier that are more than information. */
  readonly complaints: readonly string[]
  /** SIGKILLs all; none is started any more. */
  destroy(): Promise<void>
}

const keptLines = 200

/** Resolves when all are ready. */
export async function startFleet({ smtp, env, nodeArguments }: FleetOptions): Promise<Fleet> {
  const lives = new Map<number, NotifierLife>()
  const urls: string[] = []
  const complaints: string[] = []
  let destroyed = false

  function begin(index: number): NotifierLife {
    const child = spawn(process.execPath, [...(nodeArguments ?? []), main], {
      env: {
        ...withoutHerald(process.env),
        HERALD_NOTIFIER_PROBES: '127.0.0.1:0',
        HERALD_SMTP: smtp[index],
        ...env,
      },
      stdio: ['ignore', 'ignore', 'pipe'],
    })
    const ended = once(child, 'exit')
    const ready = new Promise<string>((resolve, reject) => {
      const said: string[] = []
      createInterface({ input: child.stderr as Readable }).on('line', (line) => {
        if (line.includes('"msg":"ready"')) resolve(JSON.parse(line).probes)
        if (line.startsWith('{"level":30') || line.startsWith('{"level":20')) return
        said.push(line)
        complaints.push(`${index}: ${line}`)
        if (complaints.length > keptLines) complaints.shift()
      })
      child.once('error', reject)
      child.once('close', () => reject(new Error(`notifier ${index} ended:\n${said.join('\n')}`)))
    })
    ready.catch(() => {})
    return { child, ready, ended }
  }

  const fleet: Fleet = {
    complaints,
    async kill(index) {
      const life = lives.get(index)
      if (life === undefined) return
      life.child.kill('SIGKILL')
      await life.ended
      lives.delete(index)
    },
    async start(index) {
      if (destroyed) return
      const life = begin(index)
      lives.set(index, life)
      urls[index] = await life.ready
    },
    async stop(index) {
      const life = lives.get(index)
      if (life === undefined) return null
      life.child.kill('SIGTERM')
      await life.ended
      lives.delete(index)
      return life.child.exitCode
    },
    pid: (index) => lives.get(index)?.child.pid,
    probes: (index) => urls[index] ?? '',
    async destroy() {
      destroyed = true
      await Promise.all([...lives.keys()].map((index) => fleet.kill(index)))
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
