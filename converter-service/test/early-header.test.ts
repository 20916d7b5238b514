import { setTimeout as delay } from 'node:timers/promises'
import { maxChunkBytes } from '@herald/converter-service/limits'
import type { ReceivedConversionSummary } from '@herald/proto/converter'
import sharp from 'sharp'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type ConverterUnderTest, startConverter } from './converter-under-test.js'
import { noise } from './pictures.js'

let converter: ConverterUnderTest
beforeAll(async () => {
  converter = await startConverter()
})
afterAll(() => converter.close())

/** Converts what a sender hands over in two parts, with a pause between: a header can be read in it. */
function convertInTwo(bytes: Buffer, at: number, pauseMs: number) {
  const call = converter.client.convert()
  const summary = new Promise<ReceivedConversionSummary>((resolve, reject) => {
    call.on('error', reject)
    call.on('data', async (response) => {
      if (response.summary) resolve(response.summary)
      if (!response.admitted) return
      call.write({ chunk: bytes.subarray(0, at) })
      await delay(pauseMs)
      for (let from = at; from < bytes.length; from += maxChunkBytes) {
        call.write({ chunk: bytes.subarray(from, from + maxChunkBytes) })
      }
      call.end()
    })
  })
  call.write({ spec: { fileName: 'x', renditions: [{ format: 'jpeg', width: 64 }] } })
  return summary
}

test('a picture whose header is longer than what comes first is read from the whole', async () => {
  const picture = await noise(320, 200).jpeg().toBuffer()
  // Eight comments of 64 KB stand before the size: ITU-T T.81, B.2.4.5.
  const comment = Buffer.concat([Buffer.from([0xff, 0xfe, 0xff, 0xff]), Buffer.alloc(65_533, 'x')])
  const long = Buffer.concat([
    picture.subarray(0, 2),
    ...Array.from({ length: 8 }, () => comment),
    picture.subarray(2),
  ])
  const { input } = await convertInTwo(long, 256 * 1024, 500)
  expect(input).toMatchObject({ format: 'jpeg', width: 320, height: 200 })
})

test('pages are counted of the whole file, not of what comes first', async () => {
  const frames = 40
  const pixels = await noise(160, 160 * frames)
    .raw()
    .toBuffer()
  const raw = { width: 160, height: 160 * frames, channels: 3, pageHeight: 160 } as const
  const animation = await sharp(pixels, { raw }).gif({ effort: 1 }).toBuffer()
  expect(animation.length).toBeGreaterThan(3 * 256 * 1024)
  const { input } = await convertInTwo(animation, 256 * 1024, 500)
  expect(input).toMatchObject({ format: 'gif', pages: frames })
})

test('a slow upload is no time of work', async () => {
  const picture = await noise(1600, 1200).jpeg({ quality: 95 }).toBuffer()
  const half = 512 * 1024
  expect(picture.length).toBeGreaterThan(half)
  const { conversionMs, queueMs } = await convertInTwo(picture, half, 1500)
  expect(conversionMs + queueMs).toBeLessThan(1400)
})
