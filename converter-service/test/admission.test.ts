import { Admission } from '@herald/converter-service/admission'
import { HeraldError } from '@herald/proto/errors'
import { afterEach, describe, expect, test } from 'vitest'
import { convert, refusal } from './convert.js'
import { type ConverterUnderTest, startConverter } from './converter-under-test.js'
import { startHopeless } from './hopeless.js'
import { noise, twoHalves } from './pictures.js'
import { median } from './yardstick.js'

describe('who is sent away is told when a place is expected to be free', () => {
  let now = 1000
  const full = (left: readonly number[], workers: number) => {
    const options = { places: left.length, workers, usualMs: () => 5000, now: () => now }
    const admission = new Admission(options)
    for (const ms of left) admission.enter().expect(() => ms)
    return { admission, sentAway: () => retryAfter(() => admission.enter()) }
  }

  test('by the work that is left, not by what is usual', () => {
    expect(full([9000, 700, 4000], 3).sentAway()).toBe(700)
  })

  test('what waits for a worker is added to what it waits for', () => {
    const { sentAway } = full([2000, 3000], 1)
    expect([sentAway(), sentAway()]).toEqual([2000, 5000])
  })

  test('each is told another place, and one that was not used is free again', () => {
    const { sentAway } = full([1000, 2000, 4000], 3)
    expect([sentAway(), sentAway(), sentAway(), sentAway()]).toEqual([1000, 2000, 4000, 5000])
    now += 10_000
    expect(sentAway()).toBe(1000)
  })

  test('of whom nothing is known yet the usual time is expected', () => {
    const admission = new Admission({ places: 1, workers: 1, usualMs: () => 5000 })
    const place = admission.enter()
    expect(retryAfter(() => admission.enter())).toBe(5000)
    place.leave()
    place.leave()
    expect(admission.taken).toBe(0)
  })
})

let converter: ConverterUnderTest
afterEach(() => converter?.close())

const small = await twoHalves().png().toBuffer()

test('small ones are not starved by giants, and giants come to their end', async () => {
  converter = await startConverter({ workers: 2, timeoutMs: 600_000, cpuMs: 600_000 })
  const big = await noise(400, 300).png({ compressionLevel: 1 }).toBuffer()
  const giant = { format: 'avif', effort: 6 }
  const smalls = () =>
    Promise.all(
      Array.from({ length: 40 }, async () => {
        const from = performance.now()
        const { summary } = await convert(converter.client, small, ['webp'])
        return { wholeMs: performance.now() - from, queueMs: summary.queueMs }
      }),
    )
  const alone = await smalls()
  let giantsDone = 0
  const giants = Array.from({ length: 4 }, async () => {
    const from = performance.now()
    await convert(converter.client, big, [giant])
    giantsDone++
    return performance.now() - from
  })
  await expect
    .poll(() => converter.app.metrics.getSingleMetricAsString('herald_queue_length'), {
      timeout: 20_000,
    })
    .toMatch(/ 2$/m)
  const beside = await smalls()
  const doneMeanwhile = giantsDone
  const giantMs = await Promise.all(giants)
  const whole = (all: typeof alone) => median(all.map(({ wholeMs }) => wholeMs))
  const wait = (all: typeof alone) => median(all.map(({ queueMs }) => queueMs))
  console.log(
    `40 small ones: median ${whole(alone).toFixed(0)} ms alone (waiting ${wait(alone).toFixed(0)}), ` +
      `${whole(beside).toFixed(0)} ms beside 4 giants (waiting ${wait(beside).toFixed(0)}); ` +
      `a giant takes ${median(giantMs).toFixed(0)} ms`,
  )
  expect(doneMeanwhile).toBeLessThan(4)
  // Three children share what two had, and one of them serves the small ones.
  expect(whole(beside)).toBeLessThan(8 * whole(alone))
  expect(whole(beside)).toBeLessThan(median(giantMs))
}, 240_000)

test('an upload that is slow keeps no worker from its work', async () => {
  converter = await startConverter({ workers: 1 })
  const slow = converter.client.convert()
  slow.on('error', () => {})
  await new Promise<void>((resolve) => {
    slow.on('data', ({ admitted }) => admitted && resolve())
    slow.write({ spec: { fileName: 'x', renditions: [{ format: 'png' }] } })
  })
  slow.write({ chunk: small.subarray(0, 20) })
  expect((await convert(converter.client, small, ['webp'])).summary.queueMs).toBeLessThan(1000)
  slow.cancel()
})

test('a full server says over the wire when to come back', async () => {
  converter = await startConverter({ workers: 1, queue: 0, timeoutMs: 60_000 })
  const { call } = await startHopeless(converter.client)
  const refused = await refusal(converter.client, small, ['webp'])
  expect(refused).toMatchObject({ code: 'HERALD_BUSY', parts: [] })
  expect(refused.retryAfterMs).toBeGreaterThanOrEqual(250)
  call.cancel()
})

function retryAfter(enter: () => unknown): number | undefined {
  try {
    enter()
  } catch (error) {
    if (error instanceof HeraldError && error.code === 'HERALD_BUSY') return error.retryAfterMs
    throw error
  }
  throw new Error('there was a place')
}
