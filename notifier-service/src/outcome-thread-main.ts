import { parentPort, workerData } from 'node:worker_threads'
import { BrokerError, openBroker } from '@herald/broker'
import { silentLogger } from '@herald/runtime'
import { createAnnouncer } from './outcome-announcer.js'
import type { SettledMail } from './outcome-message.js'
import type { ThreadAnswer, ThreadSettings } from './outcome-thread.js'

// The thread of outcome-thread.ts. What goes wrong it answers; whoever started it has the log.
const settings = workerData as ThreadSettings
const announcer = createAnnouncer(settings, () =>
  openBroker(settings.broker, { logger: silentLogger }),
)

/** `request`: outcomes as JSON, one request at a time; empty to end. */
parentPort?.on('message', async (request: string) => {
  if (request === '') {
    await announcer.close()
    parentPort?.close()
    return
  }
  parentPort?.postMessage(await answerTo(JSON.parse(request)))
})

async function answerTo(outcomes: readonly SettledMail[]): Promise<ThreadAnswer> {
  try {
    await announcer.announce(outcomes)
    return { failure: undefined }
  } catch (error) {
    const { message } = error as Error
    return { failure: message, code: error instanceof BrokerError ? error.code : undefined }
  }
}
