import { type ChildProcess, spawn } from 'node:child_process'
import { type EventEmitter, once } from 'node:events'
import { realpathSync } from 'node:fs'
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { Readable, Writable } from 'node:stream'
import { fileURLToPath } from 'node:url'
import { createTerminal } from '@herald/runtime/terminal'
import { untilStopped } from '@herald/runtime/until-stopped'
import { onTestFinished } from 'vitest'
import { createProgram } from '#src/program'

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
  /** Runs it in this process: the exit status and all that it writes are the program's. */
  herald(args: readonly string[], env?: Record<string, string>): Promise<Finished>
  /** The same with `input` on its standard input. */
  pipe(args: readonly string[], input: Uint8Array | string): Promise<Finished>
  close(): Promise<void>
}

export async function openWorkshop(converter = 'localhost:1'): Promise<Workshop> {
  const folder = await mkdtemp(join(tmpdir(), 'herald-client-'))
  const running = new Set<ChildProcess>()
  const brokerUrl = `embedded:${join(folder, 'data', 'broker')}`

  const environment = (env: Record<string, string> = {}) => ({
    PATH: process.env['PATH'],
    HERALD_CONVERTER: converter,
    HERALD_BROKER: brokerUrl,
    HERALD_DATA: join(folder, 'data'),
    ...env,
  })
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
      env: environment(env),
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
    herald: (args, env) => runHere(folder, args, environment(env)),
    pipe: (args, input) => runHere(folder, args, environment(), input),
    async close() {
      for (const child of running) child.kill('SIGKILL')
      process.chdir(ownFolder)
      await rm(folder, { recursive: true, force: true })
    },
  }
}

export type Files = Readonly<Record<string, Uint8Array | string>>

/** A workshop with these files, by path; closed when the test is over. */
export async function workshopWith(files: Files = {}, converter?: string): Promise<Workshop> {
  const shop = await openWorkshop(converter)
  onTestFinished(() => shop.close())
  for (const [name, bytes] of Object.entries(files)) {
    await mkdir(dirname(shop.path(name)), { recursive: true })
    await writeFile(shop.path(name), bytes)
  }
  return shop
}

let runsHere = 0
const ownFolder = process.cwd()

/** The command in this process, in that folder; the exit status is that of the program. */
async function runHere(
  folder: string,
  args: readonly string[],
  env: NodeJS.ProcessEnv,
  input: Uint8Array | string = '',
): Promise<Finished> {
  const startedAt = performance.now()
  const chunks: Buffer[] = []
  let stderr = ''
  const stdout = new Writable({
    write(chunk: Buffer, _encoding, done) {
      chunks.push(Buffer.from(chunk))
      done()
    },
  })
  const told = {
    write(text: string) {
      stderr += text
    },
  }
  const terminal = createTerminal(stdout, told, env)
  const forget = rememberListeners()
  if (runsHere > 0 && process.cwd() !== realpathSync(folder)) {
    throw new Error('a process has one working folder: run commands of two workshops with start()')
  }
  runsHere += 1
  process.chdir(folder)
  try {
    const program = { name: 'herald', stopped: '' }
    const status = await untilStopped(terminal, program, (signal) =>
      createProgram({
        env,
        terminal,
        signal,
        stdout,
        stdin: Readable.from([Buffer.from(input)]),
      }).run(args),
    )
    const bytes = Buffer.concat(chunks)
    const milliseconds = performance.now() - startedAt
    return { status, stdout: bytes.toString(), bytes, stderr, milliseconds }
  } finally {
    runsHere -= 1
    forget()
  }
}

/** What a program adds to its process ends with it; returns what removes it here. */
function rememberListeners(): () => void {
  const emitters: readonly EventEmitter[] = [process, process.stdout, process.stderr]
  const names = ['SIGINT', 'SIGTERM', 'SIGHUP', 'error']
  const all = emitters.flatMap((emitter) => names.map((name) => ({ emitter, name })))
  const before = all.map(({ emitter, name }) => new Set(emitter.listeners(name)))
  return () => {
    for (const [at, { emitter, name }] of all.entries()) {
      for (const listener of emitter.listeners(name)) {
        if (!before[at]?.has(listener)) emitter.removeListener(name, listener as () => void)
      }
    }
  }
}
