import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const bin = fileURLToPath(new URL('../bin/herald.js', import.meta.url))

export interface Finished {
  readonly status: number | null
  readonly stdout: string
  /** The same as it came. */
  readonly bytes: Buffer
  readonly stderr: string
  readonly milliseconds: number
}

export interface Running {
  readonly child: ChildProcess
  readonly finished: Promise<Finished>
  /** What it has written so far. */
  stderr(): string
}

/** A folder to work in, with its own outbox and its own embedded broker. */
export interface Workshop {
  readonly folder: string
  readonly brokerUrl: string
  path(...names: string[]): string
  /** The names in the folder but `data`, sorted; those of temporary files included. */
  names(folder?: string): Promise<string[]>
  /** `under`: the command that runs it, such as `setpriv`. */
  start(args: readonly string[], env?: Record<string, string>, under?: readonly string[]): Running
  herald(args: readonly string[], env?: Record<string, string>): Promise<Finished>
  /** The same with `input` on its standard input. */
  pipe(args: readonly string[], input: Uint8Array | string): Promise<Finished>
  close(): Promise<void>
}

export async function openWorkshop(converter = 'localhost:1'): Promise<Workshop> {
  const folder = await mkdtemp(join(tmpdir(), 'herald-client-'))
  const running = new Set<ChildProcess>()
  const brokerUrl = `embedded:${join(folder, 'data', 'broker')}`

  const start = (
    args: readonly string[],
    env: Record<string, string> = {},
    under: readonly string[] = [],
    input?: Uint8Array | string,
  ): Running => {
    const startedAt = performance.now()
    const [command = '', ...words] = [...under, process.execPath, bin, ...args]
    const child = spawn(command, words, {
      cwd: folder,
      env: {
        PATH: process.env['PATH'],
        HERALD_CONVERTER: converter,
        HERALD_BROKER: brokerUrl,
        HERALD_DATA: join(folder, 'data'),
        ...env,
      },
      stdio: [input === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe'],
    })
    running.add(child)
    // It may have heard enough before the end.
    child.stdin?.on('error', () => {}).end(input)
    const stdout: Buffer[] = []
    let stderr = ''
    child.stdout?.on('data', (chunk: Buffer) => stdout.push(chunk))
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      stderr += text
    })
    const finished = once(child, 'close').then(([status]) => {
      running.delete(child)
      const milliseconds = performance.now() - startedAt
      const bytes = Buffer.concat(stdout)
      const text = bytes.toString()
      return { status: status as number | null, stdout: text, bytes, stderr, milliseconds }
    })
    return { child, finished, stderr: () => stderr }
  }

  return {
    folder,
    brokerUrl,
    start,
    path: (...names) => join(folder, ...names),
    names: async (inside = folder) =>
      (await readdir(inside)).filter((name) => name !== 'data').sort(),
    herald: (args, env) => start(args, env).finished,
    pipe: (args, input) => start(args, {}, [], input).finished,
    async close() {
      for (const child of running) child.kill('SIGKILL')
      await rm(folder, { recursive: true, force: true })
    },
  }
}
