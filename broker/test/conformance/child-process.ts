import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { onTestFinished } from 'vitest'

/** A program of `test/programs` as a process of its own; killed at the end of the test. */
export interface Child {
  readonly pid: number
  /** The complete lines it has printed so far. */
  readonly lines: readonly string[]
  /** Sends the signal and waits for the end. */
  end(signal: 'SIGKILL' | 'SIGTERM'): Promise<void>
}

/** `under`: the command that runs it, e.g. `['unshare', '--pid']`. */
export function spawnProgram(
  name: string,
  args: readonly string[],
  under: readonly string[] = [],
): Child {
  const path = fileURLToPath(new URL(`../../dist/test/programs/${name}.js`, import.meta.url))
  const [command = '', ...rest] = [...under, process.execPath, path, ...args]
  const child: ChildProcess = spawn(command, rest, {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const ended = once(child, 'close')
  const lines: string[] = []
  let line = ''
  child.stdout?.setEncoding('utf8').on('data', (text: string) => {
    const complete = (line + text).split('\n')
    line = complete.pop() ?? ''
    lines.push(...complete)
  })
  const end = async (signal: NodeJS.Signals) => {
    if (child.exitCode === null && child.signalCode === null) child.kill(signal)
    await ended
  }
  onTestFinished(() => end('SIGKILL'))
  if (child.pid === undefined) throw new Error(`could not start ${path}`)
  return { pid: child.pid, lines, end }
}
