import { type ChildProcess, spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'
import { type Fields, type LogLine, readLogLine } from './log-line.js'

export interface ProgramSpec {
  readonly name: string
  /** Its compiled entry point, absolute. */
  readonly main: string
  readonly args?: readonly string[]
  /** For Node itself. */
  readonly nodeFlags?: readonly string[]
  /** Its whole environment. */
  readonly env: NodeJS.ProcessEnv
}

export interface Ending {
  /** For a person: `exit status 1`, `killed by SIGKILL`. */
  readonly how: string
  /** The last lines it wrote that were not JSON: an error in its configuration, for example. */
  readonly lastLines: readonly string[]
}

/** A program of the stack, in a process of its own. */
export interface Program {
  readonly name: string
  readonly pid: number | undefined
  /** Resolves to the fields of its log line `ready`; never, if it ends before that. */
  readonly ready: Promise<Fields>
  /** Resolves when it has ended and everything it wrote is read. Never rejects. */
  readonly ended: Promise<Ending>
  /** Asks it to stop and waits; after `graceMs` kills it. Idempotent. */
  stop(graceMs: number): Promise<Ending>
}

/** Starts a program; `onLine` gets every line that it writes. */
export function startProgram(spec: ProgramSpec, onLine: (line: LogLine) => void): Program {
  const child = spawn(
    process.execPath,
    [...(spec.nodeFlags ?? []), spec.main, ...(spec.args ?? [])],
    {
      env: spec.env,
      // Its own process group: Ctrl-C at the terminal reaches only this process, which stops
      // the programs in order. The IPC channel tells the program when this process has ended.
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    },
  )
  const kill = () => killGroup(child)
  // The program must not outlive this process; after kill -9 the closed IPC channel ends it.
  process.once('exit', kill)
  const lastLines: string[] = []
  const ready = new Promise<Fields>((resolve) => {
    eachLine(child, (text) => {
      const line = readLogLine(text)
      onLine(line)
      if ('text' in line) lastLines.push(line.text)
      else if (line.message === 'ready') resolve(line.fields)
    })
  })
  const ended = new Promise<Ending>((resolve) => {
    child.once('error', (error) => resolve({ how: error.message, lastLines }))
    child.once('exit', (code, signal) => {
      process.removeListener('exit', kill)
      const how = signal ? `killed by ${signal}` : `exit status ${code}`
      const end = () => resolve({ how, lastLines: lastLines.slice(-10) })
      // Its last lines may still be in the pipe, which one of its children may hold open.
      child.once('close', end)
      setTimeout(end, 1000).unref()
    })
  })
  return {
    name: spec.name,
    pid: child.pid,
    ready,
    ended,
    async stop(graceMs) {
      child.kill('SIGTERM')
      const timer = setTimeout(kill, graceMs)
      const ending = await ended
      clearTimeout(timer)
      return ending
    },
  }
}

/** The program and what it started. */
function killGroup({ pid }: ChildProcess): void {
  try {
    if (pid !== undefined) process.kill(-pid, 'SIGKILL')
  } catch {
    // It has ended already.
  }
}

function eachLine(child: ChildProcess, onLine: (line: string) => void): void {
  for (const stream of [child.stdout, child.stderr]) {
    createInterface({ input: stream as Readable }).on('line', (line) => {
      if (line.trim() !== '') onLine(line)
    })
  }
}
