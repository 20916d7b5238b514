import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createTerminal } from '@herald/runtime/terminal'
import { onTestFinished } from 'vitest'
import { createProgram } from '../src/program.js'

/** A user who set no HERALD_ variable but the converter's and those in `env`; `herald` runs in this process. Removed when the test is over. */
export async function openHome(converter: string, env: Record<string, string> = {}) {
  const home = await mkdtemp(join(tmpdir(), 'herald-home-'))
  onTestFinished(() => rm(home, { recursive: true, force: true }))
  const state = join(home, 'state')
  await mkdir(state)
  const herald = async (...args: string[]) => {
    let stdout = ''
    let stderr = ''
    const terminal = createTerminal(
      {
        write(text) {
          stdout += text
        },
      },
      {
        write(text) {
          stderr += text
        },
      },
      {},
    )
    const status = await createProgram({
      env: { XDG_STATE_HOME: state, HERALD_CONVERTER: converter, ...env },
      terminal,
      stdin: process.stdin,
      stdout: process.stdout,
      signal: new AbortController().signal,
    }).run(args)
    return { status, stdout, stderr }
  }
  return { home, state, brokerUrl: `embedded:${join(state, 'herald', 'broker')}`, herald }
}
