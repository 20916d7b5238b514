import { HeraldError } from '@herald/proto/errors'
import { type ConversionRequest, newRecord } from './conversion-facts.js'
import { type FailureTools, failConversion } from './fail-conversion.js'
import { logOutages } from './log-outages.js'
import type { ConversionRecord } from './record.js'

/**
 * Files that a browser has announced and not yet begun to send. Each has a record from the start, so
 * that a file is reported as failed if the page is closed before its upload. Any instance may get
 * the upload.
 */
export interface ExpectedFiles {
  add(request: ConversionRequest, name: string): Promise<void>
  /**
   * The record of a file whose upload begins; undefined if it is not expected. Rejects with
   * HERALD_CANCELLED if it was cancelled while the upload was on its way.
   */
  take(owner: string, key: string | undefined): Promise<ConversionRecord | undefined>
  /** Ends one as failed, if it is expected. */
  fail(owner: string, key: string | undefined, error: HeraldError): Promise<void>
  /** Counts an upload of that run as under way until the function it returns is called. */
  uploading(runToken: string): () => void
  close(): Promise<void>
}

/** A browser in the background may wait a minute between two uploads. */
const maxPauseMs = 150_000
const checkMs = 15_000

export const leftBeforeUpload = () =>
  new HeraldError('HERALD_DAMAGED_TRANSFER', 'The page was closed before the file was uploaded.', {
    remedy: 'Send the file again.',
  })

export function keepExpectedFiles(tools: FailureTools): ExpectedFiles {
  const { records, events, logger } = tools
  /** Uploads under way, and those that have ended since the last check, by run. */
  const uploads = new Map<string, number>()
  const logged = logOutages(logger, {
    failed: 'could not record which uploads were given up; will retry',
    again: 'uploads that were given up are recorded again',
  })
  let checking: Promise<void> | undefined

  const check = async () => {
    await records.keepActive([...uploads.keys()])
    for (const [token, count] of uploads) if (count === 0) uploads.delete(token)
    for (const record of await records.takeIdle(maxPauseMs)) {
      await failConversion(tools, record, leftBeforeUpload())
    }
  }
  const timer = setInterval(() => {
    checking ??= logged(check).finally(() => {
      checking = undefined
    })
  }, checkMs)

  return {
    async add(request, name) {
      const record = { ...newRecord(request, name, records), isExpected: true }
      await records.put(record)
      events.publish({ kind: 'record', record })
      const progress = { stage: 'waiting', done: 0 } as const
      events.publish({ kind: 'progress', record, progress })
      records.sendProgress(record, progress)
    },
    async take(owner, key) {
      if (key === undefined) return undefined
      const taken = await records.takeExpected(owner, key, true)
      if (taken !== 'ended') return taken
      throw new HeraldError('HERALD_CANCELLED', 'The conversion was cancelled.')
    },
    async fail(owner, key, error) {
      if (key === undefined) return
      const taken = await records.takeExpected(owner, key, false)
      if (taken && taken !== 'ended') await failConversion(tools, taken, error)
    },
    uploading(runToken) {
      uploads.set(runToken, (uploads.get(runToken) ?? 0) + 1)
      return () => uploads.set(runToken, (uploads.get(runToken) ?? 1) - 1)
    },
    async close() {
      // Files still expected are ended by the next process, or by another one.
      clearInterval(timer)
      await checking
    },
  }
}
