import type { Fields } from './log-line.js'
import type { Ending, Program } from './program.js'

/** The stack cannot run; the message is for a person and has what to do. */
export class StackError extends Error {
  override readonly name = 'StackError'
}

const readyWithinMs = 30_000

/** Resolves to the fields of the program's log line `ready`. Rejects with StackError if it does not come. */
export async function readiness(program: Program, signal: AbortSignal): Promise<Fields> {
  const { name, ready, ended } = program
  const waiting = new AbortController()
  const givenUp = new Promise<never>((_, reject) => {
    const giveUp = () => reject(new StackError('Stopped while starting.'))
    if (signal.aborted) giveUp()
    signal.addEventListener('abort', giveUp, { once: true, signal: waiting.signal })
    const late = setTimeout(() => {
      reject(new StackError(`The ${name} was not ready within ${readyWithinMs / 1000} s.`))
    }, readyWithinMs)
    waiting.signal.addEventListener('abort', () => clearTimeout(late))
  })
  const endedEarly = ended.then((ending): never => {
    throw new StackError(describeFailedStart(name, ending))
  })
  endedEarly.catch(() => {})
  try {
    return await Promise.race([ready, endedEarly, givenUp])
  } finally {
    waiting.abort()
  }
}

function describeFailedStart(name: string, { how, lastLines }: Ending): string {
  const output = lastLines.filter((line) => !isTrace(line)).map((line) => `\n  ${line}`)
  return `The ${name} could not start (${how})${output.length === 0 ? '; see its log.' : `:${output.join('')}`}`
}

/** What Node writes around the message of an uncaught error. */
const isTrace = (line: string) => /^\s+at |^\s*[~^]+$|^Node\.js v\d/.test(line)
