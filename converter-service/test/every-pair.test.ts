import { formatCatalogue } from '@herald/converter-service/formats'
import sharp from 'sharp'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { convert } from './convert.js'
import { type ConverterUnderTest, startConverter } from './converter-under-test.js'
import { colourAt, sources } from './pictures.js'

let converter: ConverterUnderTest
let pictures: Readonly<Record<string, Buffer>>
beforeAll(async () => {
  converter = await startConverter()
  pictures = await sources()
})
afterAll(() => converter.close())

const targets = ['jpeg', 'png', 'webp', 'avif', 'gif', 'tiff'] as const

describe.each([...targets, 'svg'])('%s', (from) => {
  test.each(targets)('becomes %s', async (to) => {
    const { renditions, summary } = await convert(converter.client, pictures[from] as Buffer, [to])
    const [rendition] = renditions
    if (!rendition) throw new Error('no rendition')
    const format = formatCatalogue.find(({ name }) => name === to)
    expect(rendition.header).toMatchObject({
      format: to,
      mediaType: format?.mediaType,
      extension: format?.extensions[0],
      width: 120,
      height: 80,
      pages: 1,
    })
    expect(rendition.summary.quality).toBe(format?.defaultQuality)
    expect(summary.input).toMatchObject({ format: from, width: 120, height: 80, pages: 1 })
    const seen = await sharp(rendition.bytes).metadata()
    expect(seen).toMatchObject({ mediaType: format?.mediaType, width: 120, height: 80 })
    const [red = 0, , blueLeft = 0] = await colourAt(rendition.bytes, 20, 40)
    const [redRight = 0, , blue = 0] = await colourAt(rendition.bytes, 100, 40)
    expect(red - redRight, 'red on the left').toBeGreaterThan(200)
    expect(blue - blueLeft, 'blue on the right').toBeGreaterThan(200)
  })
})

test('one upload becomes every format at once, in whatever order they finish', async () => {
  const { renditions, progress, parts, summary } = await convert(
    converter.client,
    pictures['png'] as Buffer,
    targets,
  )
  expect(renditions.map(({ header }) => header.format)).toEqual(targets)
  expect(parts[0]).toBe('admitted')
  expect(parts.at(-1)).toBe('summary')
  expect(progress.map(({ stage }) => stage)).toContain('STAGE_CONVERTING')
  expect(progress.at(-1)?.renditionsDone).toBe(targets.length)
  expect(Object.keys(summary.versions)).toEqual(
    expect.arrayContaining(['sharp', 'libvips', 'libwebp', 'aom', 'mozjpeg', 'cgif', 'libtiff']),
  )
})
