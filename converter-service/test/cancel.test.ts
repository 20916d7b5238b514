import type { RenditionSpec } from '@herald/proto/converter'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { readTree } from '#src/children/process-tree'
import { convert } from './convert.js'
import { type ConverterUnderTest, startConverter } from './converter-under-test.js'
import { startEndless } from './endless.js'
import { noise, svgBomb, twoHalves } from './pictures.js'
import { isRunning } from './processes.js'
import { waitFor } from './wait-for.js'

const times = 2
let converter: ConverterUnderTest
beforeAll(async () => {
  const hour = 3_600_000
  converter = await startConverter({ children: 1, timeoutMs: hour, cpuMs: hour })
})
afterAll(() => converter.close())

const small = await twoHalves().png().toBuffer()
const noisy = await noise(2400, 1800).png({ compressionLevel: 1 }).toBuffer()

const usedMs = (pid: number) => readTree(pid)?.cpuMs ?? 0

/**
 * The child that is at the conversion. The one that replaces the last may be busy as well, but starting
 * takes it a part of a second; and until it has, the conversion waits and there is no core to be freed.
 */
function laborious(pids: readonly number[], before: ReadonlyMap<number, number>): number {
  const child = pids.find((pid) => usedMs(pid) - (before.get(pid) ?? 0) > 1000)
  if (child === undefined) throw new Error('no child is at work yet')
  return child
}

/** Each takes longer than five seconds when it is left alone; how soon is measured by a bench. */
test.each<[string, Buffer, RenditionSpec]>([
  ['AVIF of effort 9', noisy, { format: 'avif', effort: 9 }],
  ['a bomb of SVG', svgBomb(), { format: 'png' }],
])('a cancel frees the core: %s', { timeout: 180_000 }, async (_, bytes, rendition) => {
  for (let time = 0; time < times; time++) {
    const before = new Map(converter.app.pids().map((pid) => [pid, usedMs(pid)]))
    const { call } = await startEndless(converter.client, bytes, rendition)
    const child = await waitFor(() => laborious(converter.app.pids(), before))
    call.cancel()
    await waitFor(() => expect(isRunning(child)).toBe(false), 1)
    expect((await convert(converter.client, small, ['webp'])).renditions).toHaveLength(1)
  }
})
