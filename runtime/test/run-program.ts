import { type ChildProcessByStdio, spawn } from 'node:child_process'
import type { Readable } from 'node:stream'
import { fileURLToPath } from 'node:url'
import { onTestFinished } from 'vitest'

/** A program of `test/programs`, running; killed when the test ends. */
export interface RunningProgram {
  readonly child: ChildProcessByStdio<null, Readable, Readable>
  /** What it has written to standard output so far. */
  stdout(): string
  stderr(): string
  /** How it ended, after both outputs were read to their end. */
  readonly ended: Promise<{ code: number | null; signal: NodeJS.Signals | null }>
}

export interface RunOptions {
  /** The command that runs node, such as `['strace', '-f']`. */
  under?: readonly string[]
  env?: Readonly<Record<string, string>>
}

function programPath(name: string): string {
  return fileURLToPath(new URL(`../dist/test/programs/${name}.js`, import.meta.url))
}

export function runProgramFile(
  name: string,
  args: readonly string[] = [],
  { under = [], env = {} }: RunOptions = {},
): RunningProgram {
  const [command = '', ...words] = [...under, process.execPath, programPath(name), ...args]
  const child = spawn(command, words, {
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let stdout = ''
  let stderr = ''
  child.stdout.setEncoding('utf8').on('data', (text) => {
    stdout += text
  })
  child.stderr.setEncoding('utf8').on('data', (text) => {
    stderr += text
  })
  const ended = new Promise<{ code: number | null; signal: NodeJS.Signals | null }>(
    (resolve, reject) => {
      child.on('error', reject)
      child.on('close', (code, signal) => resolve({ code, signal }))
    },
  )
  onTestFinished(async () => {
    child.kill('SIGKILL')
    await ended.catch(() => {})
  })
  return { child, stdout: () => stdout, stderr: () => stderr, ended }
}
