import { type ChildProcess, fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'

export interface BareTask {
  readonly path: string
  readonly maxPixels: number
  /** Of the rendition, in pixels. */
  readonly width: number
}

/** What became of a file. */
export type BareAnswer =
  | { readonly taken: true; readonly width: number; readonly height: number }
  | { readonly taken: false; readonly reason: string }

/** Bare sharp in a process of its own, which a file may take down or hold up. One file at a time. */
export interface Rival {
  judge(task: BareTask): Promise<BareAnswer>
  close(): void
}

const program = fileURLToPath(new URL('./bare-sharp.js', import.meta.url))

export function openRival(timeoutMs: number): Rival {
  let child: ChildProcess | undefined
  return {
    judge(task) {
      child ??= fork(program, { execArgv: [], stdio: ['ignore', 'ignore', 'ignore', 'ipc'] })
      const current = child
      return new Promise((resolve) => {
        const end = (answer: BareAnswer) => {
          clearTimeout(timer)
          current.off('message', end)
          current.off('exit', crashed)
          resolve(answer)
        }
        const crashed = (_code: number | null, signal: string | null) => {
          child = undefined
          end({ taken: false, reason: `bare sharp crashed: ${signal}` })
        }
        const timer = setTimeout(() => {
          child = undefined
          current.kill('SIGKILL')
          end({ taken: false, reason: `bare sharp took longer than ${timeoutMs / 1000} s` })
        }, timeoutMs)
        current.once('message', end)
        current.once('exit', crashed)
        current.send(task)
      })
    },
    close: () => void child?.kill('SIGKILL'),
  }
}
