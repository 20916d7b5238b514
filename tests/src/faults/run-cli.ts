import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'

const herald = fileURLToPath(new URL('../../../../client/bin/herald.js', import.meta.url))

export interface CliRun {
  readonly pid: number
  kill(): void
  readonly ended: Promise<{ readonly status: number | null; readonly stderr: string }>
}

/** Runs the CLI in its own process. */
export function runCli(
  args: readonly string[],
  {
    env,
    nodeArguments = [],
  }: { env: Readonly<Record<string, string>>; nodeArguments?: readonly string[] },
): CliRun {
  const inherited = Object.entries(process.env).filter(([name]) => !name.startsWith('HERALD_'))
  const child = spawn(process.execPath, [...nodeArguments, herald, ...args], {
    env: { ...Object.fromEntries(inherited), ...env },
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  const exited = once(child, 'exit')
  const stderr = text(child.stderr)
  return {
    pid: child.pid ?? -1,
    kill: () => void child.kill('SIGKILL'),
    ended: (async () => {
      await exited
      return { status: child.exitCode, stderr: await stderr }
    })(),
  }
}
