import { HeraldError } from '@herald/proto/errors'
import type { ConversionEvents } from './conversion-events.js'
import { type ConversionRequest, newRecord } from './conversion-facts.js'
import { type FailureTools, failConversion } from './fail-conversion.js'
import type { ConversionRecord } from './record.js'

/**
 * Files that a browser has announced and not yet begun to send. Each has a record from the start, so
 * that a file is reported as failed if the page is closed before its upload.
 */
export interface ExpectedFiles {
  add(request: ConversionRequest, name: string): Promise<void>
  /**
   * The record of a file whose upload begins; undefined if it is not expected. Throws
   * HERALD_CANCELLED if it was cancelled while the upload was on its way.
   */
  take(owner: string, key: string | undefined): ConversionRecord | undefined
  /** Ends one as failed. Resolves to whether it was expected. */
  fail(owner: string, key: string | undefined, error: HeraldError): Promise<boolean>
  /** Counts an upload of that run as under way until the function it returns is called. */
  uploading(runToken: string): () => void
  close(): Promise<void>
}

/** A browser in the background may wait a minute between two uploads. */
const maxPauseMs = 150_000
const checkMs = 15_000

interface Expected {
  readonly record: ConversionRecord
  readonly runSize: number | undefined
}

export const leftBeforeUpload = () =>
  new HeraldError('HERALD_DAMAGED_TRANSFER', 'The page was closed before the file was uploaded.', {
    remedy: 'Send the file again.',
  })

export function keepExpectedFiles(
  tools: FailureTools & { readonly events: ConversionEvents },
): ExpectedFiles {
  const { records, events, logger } = tools
  const expected = new Map<string, Expected>()
  /** For each run: uploads under way, and when the last one began or ended. */
  const runs = new Map<string, { uploads: number; atMs: number }>()
  /** When files were ended, by id. */
  const endedAtMs = new Map<string, number>()
  const failing = new Set<Promise<unknown>>()
  const idOf = (owner: string, key: string) => `${owner} ${key}`

  const runOf = (runToken: string) => {
    const run = runs.get(runToken) ?? { uploads: 0, atMs: 0 }
    run.atMs = Date.now()
    runs.set(runToken, run)
    return run
  }
  const end = async (id: string, error: HeraldError) => {
    const { record, runSize } = expected.get(id) ?? {}
    if (!record) return false
    expected.delete(id)
    endedAtMs.set(id, Date.now())
    const failed = await failConversion(tools, record, error, runSize)
    if (failed) events.publish({ kind: 'record', record: failed })
    return true
  }
  const endIdleRuns = () => {
    const before = Date.now() - maxPauseMs
    const idle = (token: string) => {
      const run = runs.get(token)
      return !run || (run.uploads === 0 && run.atMs < before)
    }
    for (const [id, { record }] of expected) {
      if (!idle(record.runToken)) continue
      const ending = end(id, leftBeforeUpload())
        .catch((error: unknown) => logger.error({ err: error }, 'a failure could not be recorded'))
        .finally(() => failing.delete(ending))
      failing.add(ending)
    }
    for (const token of [...runs.keys()].filter(idle)) runs.delete(token)
    for (const [id, atMs] of endedAtMs) if (atMs < before) endedAtMs.delete(id)
  }
  const timer = setInterval(endIdleRuns, checkMs)
  const unsubscribe = events.subscribe(({ kind, record: { owner, key } }) => {
    if (kind !== 'removed') return
    expected.delete(idOf(owner, key))
    endedAtMs.set(idOf(owner, key), Date.now())
  })

  return {
    async add(request, name) {
      runOf(request.runToken)
      const record = newRecord(request, name)
      await records.put(record)
      expected.set(idOf(record.owner, record.key), { record, runSize: request.runSize })
      events.publish({ kind: 'record', record })
      events.publish({ kind: 'progress', record, progress: { stage: 'waiting', done: 0 } })
    },
    take(owner, key) {
      if (key === undefined) return undefined
      if (endedAtMs.has(idOf(owner, key))) {
        throw new HeraldError('HERALD_CANCELLED', 'The conversion was cancelled.')
      }
      const found = expected.get(idOf(owner, key))
      expected.delete(idOf(owner, key))
      return found?.record
    },
    fail: async (owner, key, error) => key !== undefined && end(idOf(owner, key), error),
    uploading(runToken) {
      runOf(runToken).uploads += 1
      return () => {
        runOf(runToken).uploads -= 1
      }
    },
    async close() {
      // Files still expected are ended at the next start.
      clearInterval(timer)
      unsubscribe()
      await Promise.all(failing)
    },
  }
}
