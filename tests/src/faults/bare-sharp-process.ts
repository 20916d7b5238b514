import { type ChildProcess, fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'

export interface BareTask {
  readonly path: string
  readonly maxPixels: number
  /** Of the rendition, in pixels. */
  readonly width: number
}

/** The result for a file. */
export type BareAnswer =
  | { readonly converted: true; readonly width: number; readonly height: number }
  | { readonly converted: false; readonly reason: string }

/** Bare sharp in its own process, which a file may crash or block. One file at a time. */
export interface BareSharpProcess {
  convert(task: BareTask): Promise<BareAnswer>
  close(): void
}

const program = fileURLToPath(new URL('./bare-sharp.js', import.meta.url))

export function openBareSharp(timeoutMs: number): BareSharpProcess {
  let child: ChildProcess | undefined
  return {
    convert(task) {
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
          end({ converted: false, reason: `bare sharp crashed: ${signal}` })
        }
        const timer = setTimeout(() => {
          child = undefined
          current.kill('SIGKILL')
          end({ converted: false, reason: `bare sharp took longer than ${timeoutMs / 1000} s` })
        }, timeoutMs)
        current.once('message', end)
        current.once('exit', crashed)
        current.send(task)
      })
    },
    close: () => void child?.kill('SIGKILL'),
  }
}
