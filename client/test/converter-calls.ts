import { once } from 'node:events'
import type { HeraldError } from '@herald/proto/errors'
import { v7 as uuidv7 } from 'uuid'
import { expect, onTestFinished } from 'vitest'
import { type ConverterClient, openConverter } from '../src/converter-client.js'
import { newTraceparent } from '../src/trace.js'
import { gradient } from './pictures.js'
import type { RealConverter } from './real-converter.js'

const picture = gradient(8, 8)

/** A client that is closed with the test; `lookup` instead of the system's. */
export function openFor(
  target: string,
  lookup?: Parameters<typeof openConverter>[1],
): ConverterClient {
  const client = openConverter(target, lookup)
  onTestFinished(() => client.close())
  return client
}

/** A small conversion whose upload ends only after `release`. */
export interface HeldConversion {
  readonly finished: Promise<unknown>
  /** Attempts whose upload has begun. */
  readonly uploads: () => number
  /** Why it has waited so far, without converters that did not answer. */
  readonly waits: readonly HeraldError[]
  /** The same with those. */
  readonly reports: readonly HeraldError['code'][]
  release(): void
}

/** Starts one; its upload may not have begun. */
export function startHeld(converter: ConverterClient): HeldConversion {
  const released = new AbortController()
  const waits: HeraldError[] = []
  const reports: HeraldError['code'][] = []
  let uploads = 0
  const upload = {
    name: 'held.png',
    sizeBytes: picture.length,
    async *open() {
      uploads += 1
      if (!released.signal.aborted) await once(released.signal, 'abort')
      yield picture
    },
  }
  const finished = converter.convert(upload, {
    conversionId: uuidv7(),
    traceparent: newTraceparent(),
    renditions: [{ format: 'webp' }],
    signal: new AbortController().signal,
    receive: async () => ({ async write() {}, async complete() {}, async discard() {} }),
    onWaiting(error) {
      reports.push(error.code)
      // A loaded machine may be as slow as a converter that does not answer.
      if (!/^No converter has answered/.test(error.publicMessage)) waits.push(error)
    },
  })
  finished.catch(() => {})
  return { finished, uploads: () => uploads, waits, reports, release: () => released.abort() }
}

/** Starts one and resolves when its upload has begun: it is admitted. */
export async function hold(converter: ConverterClient): Promise<HeldConversion> {
  const held = startHeld(converter)
  await expect.poll(held.uploads, { timeout: 20_000, interval: 5 }).toBe(1)
  return held
}

/** Converts a picture; fails if it had to wait for a converter. */
export async function convertAtOnce(converter: ConverterClient): Promise<void> {
  const held = startHeld(converter)
  held.release()
  await held.finished
  expect(held.waits).toEqual([])
}

/** How many calls of a converter ended so. */
export async function ended(converter: RealConverter, outcome = 'ok'): Promise<number> {
  const pattern = new RegExp(`^herald_conversions_total\\{outcome="${outcome}",.*\\} (\\d+)$`, 'm')
  return Number(pattern.exec(await converter.metrics())?.[1] ?? 0)
}
