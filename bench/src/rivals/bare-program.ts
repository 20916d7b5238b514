import { fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { perSecond } from '../per-second.js'
import { bareSharp, type RenditionRequest } from './sharp.js'

export interface BareWork extends RenditionRequest {
  readonly path: string
  readonly concurrency: number
  readonly images: number
}

/** Bare sharp in its own process, so that its memory is measured apart from ours. */
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

// If it runs as the program.
if (process.argv[1] === fileURLToPath(import.meta.url)) {
  process.on('message', async ({ path, concurrency, images, ...request }: BareWork) => {
    await perSecond(images, concurrency, () => bareSharp(path, request))
    process.send?.('done')
  })
}
