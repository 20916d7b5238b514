import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import { BrokerError, type BrokerErrorCode } from '@herald/broker'
import type { AnnouncerSettings, OutcomeAnnouncer } from './outcome-announcer.js'
import type { SettledMail } from './outcome-message.js'

/** What the thread is started with. */
export interface ThreadSettings extends AnnouncerSettings {
  /** The broker's URL: of one that several threads of a process may use. */
  readonly broker: string
}

/** What the thread answers to each request, in order. */
export type ThreadAnswer =
  | { readonly failure: undefined }
  | { readonly failure: string; readonly code: BrokerErrorCode | undefined }

interface Waiting {
  resolve(): void
  reject(error: unknown): void
}

/**
 * Builds and publishes outcomes in a thread of its own, started at the first of them: each takes
 * as long to encode as its mail's event took to read. A thread that died is replaced.
 */
export function createThreadedAnnouncer(settings: ThreadSettings): OutcomeAnnouncer {
  let thread: Worker | undefined
  const waiting: Waiting[] = []

  function start(): Worker {
    const started = new Worker(new URL('./outcome-thread-main.js', import.meta.url), {
      workerData: { ...settings, channel: { name: settings.channel.name } },
    })
    started.on('message', (answer: ThreadAnswer) => {
      const request = waiting.shift()
      if (answer.failure === undefined) request?.resolve()
      else request?.reject(errorOf(answer))
    })
    started.on('error', (error) => ended(error))
    started.on('exit', () => ended(new Error('the thread that announces outcomes ended')))
    const ended = (error: unknown) => {
      if (thread === started) thread = undefined
      for (const { reject } of waiting.splice(0)) reject(error)
    }
    return started
  }

  return {
    announce(outcomes) {
      thread ??= start()
      // As text: that crosses in one piece, where objects are copied name by name.
      thread.postMessage(JSON.stringify(outcomes.map(toldOf)))
      return new Promise((resolve, reject) => waiting.push({ resolve, reject }))
    },
    async close() {
      if (thread === undefined) return
      const gone = once(thread, 'exit')
      thread.postMessage('')
      await gone
    },
  }
}

/** Nothing but what an outcome tells. */
function toldOf({ event, record }: SettledMail): SettledMail {
  return {
    event,
    record: {
      state: record.state,
      attempts: record.attempts,
      reply: record.reply,
      firstAttemptAt: record.firstAttemptAt,
      updatedAt: record.updatedAt,
      replay: record.replay,
      eventIds: record.eventIds,
      recipient: record.recipient,
      messageId: record.messageId,
      possiblyDelivered: record.possiblyDelivered,
      conversionId: record.conversionId,
      runId: record.runId,
    },
  }
}

function errorOf({ failure, code }: Extract<ThreadAnswer, { failure: string }>): Error {
  return code === undefined ? new Error(failure) : new BrokerError(code, failure)
}
