import type { ReceivedConversionSummary } from '@herald/proto/converter'
import sharp from 'sharp'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { bmpFile } from './bmp-file.js'
import { convert } from './convert.js'
import { type ConverterUnderTest, startConverter } from './converter-under-test.js'
import { madePicture, noise } from './pictures.js'

let converter: ConverterUnderTest
beforeAll(async () => {
  converter = await startConverter()
})
afterAll(() => converter.close())

/** What a server takes for the whole file when it looks too early fails, but not every time. */
const times = 8

async function inputs(bytes: Buffer): Promise<ReceivedConversionSummary['input'][]> {
  const all: ReceivedConversionSummary['input'][] = []
  for (let time = 0; time < times; time++) {
    const { summary } = await convert(converter.client, bytes, [{ format: 'jpeg', width: 32 }])
    all.push(summary.input)
  }
  return all
}

test('a BMP of 18 MB is converted every time', async () => {
  const picture = bmpFile(3000, 2000, Buffer.alloc(3000 * 2000 * 3, '#3a7'))
  for (const input of await inputs(picture)) {
    expect(input).toMatchObject({ format: 'bmp', width: 3000, height: 2000 })
  }
})

test('an AVIF sequence of several chunks is converted every time', async () => {
  const file = await withDataAfter(await madePicture('sequence.avif'), 700_000)
  for (const input of await inputs(file)) {
    expect(input).toMatchObject({ format: 'avif', width: 64, height: 48 })
  }
})

test('a JPEG whose header is longer than a chunk is read whole', async () => {
  const picture = await noise(320, 200).jpeg().toBuffer()
  // Eight comments of 64 KB before the size: ITU-T T.81, B.2.4.5.
  const comment = Buffer.concat([Buffer.from([0xff, 0xfe, 0xff, 0xff]), Buffer.alloc(65_533, 'x')])
  const long = Buffer.concat([
    picture.subarray(0, 2),
    ...Array.from({ length: 8 }, () => comment),
    picture.subarray(2),
  ])
  const { summary } = await convert(converter.client, long, ['webp'])
  expect(summary.input).toMatchObject({ format: 'jpeg', width: 320, height: 200 })
})

test('the pages of an animation of several chunks are all counted', async () => {
  const frames = 40
  const pixels = await noise(160, 160 * frames)
    .raw()
    .toBuffer()
  const raw = { width: 160, height: 160 * frames, channels: 3, pageHeight: 160 } as const
  const animation = await sharp(pixels, { raw }).gif({ effort: 1 }).toBuffer()
  expect(animation.length).toBeGreaterThan(3 * 256 * 1024)
  const { summary } = await convert(converter.client, animation, ['png'])
  expect(summary.input).toMatchObject({ format: 'gif', pages: frames })
})

/** The same sequence with a `free` box before its coded pictures, and the offsets moved along. */
async function withDataAfter(file: Buffer, bytes: number): Promise<Buffer> {
  const mdat = file.indexOf('mdat', 0, 'latin1') - 4
  const head = Buffer.from(file.subarray(0, mdat))
  const free = Buffer.alloc(bytes)
  free.writeUInt32BE(bytes)
  free.write('free', 4)
  // ISO/IEC 14496-12, 8.11.3 and 8.7.5: iloc and stco count from the beginning of the file.
  for (let at = 0; at + 4 <= head.length; at++) {
    const offset = head.readUInt32BE(at)
    if (offset >= mdat + 8 && offset < file.length) head.writeUInt32BE(offset + bytes, at)
  }
  return Buffer.concat([head, free, file.subarray(mdat)])
}
