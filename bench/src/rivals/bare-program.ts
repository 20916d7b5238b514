import { fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { perSecond } from '../per-second.js'
import { type Asked, bareSharp } from './sharp.js'

export interface BareWork extends Asked {
  readonly path: string
  readonly lanes: number
  readonly images: number
}

/** Bare sharp in a process of its own, so that its memory is measured apart from ours. */
export function startBareProgram(work: BareWork) {
  const child = fork(fileURLToPath(import.meta.url), { execArgv: [] })
  return {
    pid: child.pid as number,
    async run() {
      const done = once(child, 'message')
      child.send(work)
      await done
    },
    stop: () => void child.kill('SIGKILL'),
  }
}

// As the program; imported, it has no parent to talk to.
if (process.argv[1] === fileURLToPath(import.meta.url)) {
  process.on('message', async ({ path, lanes, images, ...asked }: BareWork) => {
    await perSecond(images, lanes, () => bareSharp(path, asked))
    process.send?.('done')
  })
}
