import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import type { StackAddresses } from './stack.js'

/** A line of `herald convert --json`, as far as it is used here. */
export interface ConvertedLine {
  readonly file: string
  readonly ok: boolean
  readonly conversionId: string
  readonly source: {
    name: string
    mediaType: string
    sizeBytes: number
    width: number
    height: number
  } | null
  readonly renditions: readonly {
    readonly path: string
    readonly name: string
    readonly format: string
    readonly sizeBytes: number
    readonly sha256: string
    readonly width: number
    readonly height: number
    readonly conversionMs: number
  }[]
  readonly stripped: readonly string[]
  readonly topic: string | null
  readonly events: readonly {
    readonly id: string
    readonly recipient: string
    readonly partition?: number | null
    readonly offset?: string | null
  }[]
  readonly warning: string | null
  readonly error: { code: string; message: string; remedy: string | null; exitCode: number } | null
}

export interface CliRun {
  /** Null after a signal. */
  readonly exitCode: number | null
  /** One for each file; empty if the call itself was invalid. */
  readonly lines: readonly ConvertedLine[]
  readonly stderr: string
  /** When each line arrived, by `Date.now()`. */
  readonly lineAt: readonly number[]
}

const bin = fileURLToPath(new URL('../../../client/bin/herald.js', import.meta.url))

/** Runs the real `herald convert … --json` against the stack at `addresses`. */
export function heraldConvert(
  args: readonly string[],
  addresses: Pick<StackAddresses, 'converter' | 'broker' | 'topic' | 'data'>,
  { env, signal }: { env: NodeJS.ProcessEnv; signal: AbortSignal },
): Promise<CliRun> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [bin, 'convert', '--json', ...args], {
      env: {
        ...env,
        HERALD_CONVERTER: addresses.converter,
        HERALD_BROKER: addresses.broker,
        HERALD_TOPIC: addresses.topic,
        HERALD_DATA: addresses.data,
      },
      stdio: ['ignore', 'pipe', 'pipe'],
      signal,
    })
    let stdout = ''
    let stderr = ''
    const lineAt: number[] = []
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      stdout += text
      const complete = stdout.split('\n').length - 1
      while (lineAt.length < complete) lineAt.push(Date.now())
    })
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      stderr += text
    })
    child.once('error', reject)
    child.once('close', (exitCode) => {
      const lines = stdout.split('\n').filter((line) => line !== '')
      resolve({ exitCode, lines: lines.map((line) => JSON.parse(line)), stderr, lineAt })
    })
  })
}
