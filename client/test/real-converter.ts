import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readdir, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'

const main = fileURLToPath(new URL('../../converter-service/dist/src/main.js', import.meta.url))

export interface RealConverter {
  /** `host:port`. */
  readonly address: string
  /** Bytes of uploads that it holds now. */
  uploadedBytes(): Promise<number>
  /** The lines it has written so far. */
  readonly log: readonly string[]
  signal(name: NodeJS.Signals): void
  /** Its figures, in Prometheus' text format. */
  metrics(): Promise<string>
  /** The answer of /readyz; undefined if there is none. */
  readiness(): Promise<unknown>
  /** Resolves to its exit status. */
  readonly exited: Promise<number | null>
  /** kill -9. */
  kill(): Promise<void>
  close(): Promise<void>
}

/** The converter as its own process, on `port` or on any that is free. */
export async function startConverter(
  env: Record<string, string> = {},
  port = 0,
): Promise<RealConverter> {
  const spool = await mkdtemp(join(tmpdir(), 'herald-spool-'))
  const child = spawn(process.execPath, [main], {
    env: {
      PATH: process.env['PATH'],
      HERALD_CONVERTER_LISTEN: `127.0.0.1:${port}`,
      HERALD_CONVERTER_PROBES: '127.0.0.1:0',
      HERALD_SPOOL: spool,
      HERALD_WORKERS: '1',
      ...env,
    },
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  const exited = once(child, 'exit')
  const end = async (signal: NodeJS.Signals) => {
    if (child.exitCode === null && child.signalCode === null) child.kill(signal)
    await exited
  }
  let listening: { port: number; probes: string } | undefined
  const log: string[] = []
  for await (const line of createInterface({ input: child.stderr })) {
    log.push(line)
    listening = readyLine(line)
    if (listening !== undefined) break
  }
  createInterface({ input: child.stderr }).on('line', (line) => log.push(line))
  if (listening === undefined) throw new Error(`the converter did not start:\n${log.join('\n')}`)
  const { port: bound, probes } = listening
  return {
    address: `127.0.0.1:${bound}`,
    log,
    signal: (name) => child.kill(name),
    async uploadedBytes() {
      const entries = await readdir(spool, { recursive: true, withFileTypes: true })
      const sizes = entries
        .filter((entry) => entry.isFile())
        .map((entry) => stat(join(entry.parentPath, entry.name)).then(({ size }) => size))
      return (await Promise.all(sizes)).reduce((sum, size) => sum + size, 0)
    },
    metrics: async () => (await fetch(`${probes}/metrics`)).text(),
    readiness: () =>
      fetch(`${probes}/readyz`).then(
        (response) => response.json(),
        () => undefined,
      ),
    exited: exited.then(([status]) => status as number | null),
    kill: () => end('SIGKILL'),
    async close() {
      await end('SIGTERM')
      await rm(spool, { recursive: true, force: true })
    },
  }
}

function readyLine(line: string): { port: number; probes: string } | undefined {
  try {
    const said = JSON.parse(line) as { msg?: string; port: number; probes: string }
    return said.msg === 'ready' ? said : undefined
  } catch {
    return undefined
  }
}
