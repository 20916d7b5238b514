import type { RenditionSpec } from '@herald/proto/converter'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { convert } from './convert.js'
import { type ConverterUnderTest, startConverter } from './converter-under-test.js'
import { startHopeless } from './hopeless.js'
import { noise, svgBomb, twoHalves } from './pictures.js'
import { busiest, isRunning } from './processes.js'
import { waitFor } from './wait-for.js'
import { median, Yardstick } from './yardstick.js'

const times = 20
let converter: ConverterUnderTest
beforeAll(async () => {
  const hour = 3_600_000
  converter = await startConverter({ workers: 1, timeoutMs: hour, cpuMs: hour })
})
afterAll(() => converter.close())

const small = await twoHalves().png().toBuffer()
const noisy = await noise(2400, 1800).png({ compressionLevel: 1 }).toBuffer()

/** Each takes longer than five seconds when it is left alone. */
test.each<[string, Buffer, RenditionSpec]>([
  ['AVIF of effort 9', noisy, { format: 'avif', effort: 9 }],
  ['a bomb of SVG', svgBomb(), { format: 'png' }],
])('a cancel frees the core: %s', { timeout: 180_000 }, async (what, bytes, rendition) => {
  const yardstick = new Yardstick()
  const stopped: number[] = []
  const late: number[] = []
  for (let time = 0; time < times; time++) {
    const { call } = await startHopeless(converter.client, bytes, rendition)
    await waitFor(() => busiest(converter.app.pids()))
    // The one that replaces the last may be busy starting: which is at the job, its end tells.
    const children = converter.app.pids().filter(isRunning)
    yardstick.read()
    const from = performance.now()
    call.cancel()
    await waitFor(() => expect(children.every(isRunning)).toBe(false), 1)
    stopped.push(performance.now() - from)
    late.push(yardstick.read())
    expect((await convert(converter.client, small, ['webp'])).renditions).toHaveLength(1)
  }
  yardstick.stop()
  console.log(
    `${what}: the child is gone ${median(stopped).toFixed(1)} ms after the cancel ` +
      `(median of ${stopped.length}, worst ${Math.max(...stopped).toFixed(1)}); timers ${median(late).toFixed(1)} ms late`,
  )
  expect(median(stopped)).toBeLessThan(100 + median(late))
})
