import type { RenditionSpec } from '@herald/proto/converter'
import sharp from 'sharp'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { pngChecksum } from '#src/engines/image/png'
import { convertOne } from './convert.js'
import { type ConverterUnderTest, startConverter } from './converter-under-test.js'
import { colourAt, corpusFile, corpusLeftOut, hasCorpus, twoHalves } from './pictures.js'

let converter: ConverterUnderTest
beforeAll(async () => {
  converter = await startConverter()
})
afterAll(() => converter.close())

const placed = { IFD3: { GPSLatitudeRef: 'N', GPSLatitude: '51/1 30/1 3230/100' } }
const author = { IFD0: { Copyright: 'Ada', ImageDescription: 'Two halves' } }
const photographWithLocation = () =>
  twoHalves()
    .jpeg()
    .withExif({ ...author, ...placed })
    .toBuffer()

test('a rotated photograph becomes upright, and what was removed is reported', async () => {
  const lying = await twoHalves()
    .jpeg()
    .withExif({ ...author, ...placed })
    .withMetadata({ orientation: 6 })
    .withExifMerge({ ...author, ...placed })
    .toBuffer()
  const { header, bytes, whole } = await convertOne(converter.client, lying, 'jpeg')
  expect(header).toMatchObject({ width: 80, height: 120 })
  expect(whole.input).toMatchObject({ width: 80, height: 120 })
  const [redTop] = await colourAt(bytes, 40, 10)
  expect(redTop).toBeGreaterThan(200)
  expect(whole.stripped).toEqual(expect.arrayContaining(['orientation', 'exif', 'gps']))
  expect((await sharp(bytes).metadata()).exif).toBeUndefined()
})

test.each(['jpeg', 'png', 'webp', 'avif'])(
  'metadata kept in %s has its author but not its location',
  async (format) => {
    const photograph = await photographWithLocation()
    const { bytes, whole } = await convertOne(converter.client, photograph, {
      format,
      keep: ['KEEP_EXIF'],
    })
    const { exif } = await sharp(bytes).metadata()
    const text = exif?.toString('latin1') ?? ''
    expect(text).toContain('Ada')
    expect(text).toContain('Two halves')
    // 3230/100, little or big endian, as the rational it was.
    const seconds = Buffer.from([0x9e, 0x0c, 0, 0, 100, 0, 0, 0])
    expect(photograph.includes(seconds)).toBe(true)
    expect(bytes.includes(seconds)).toBe(false)
    expect(whole.stripped).toEqual(['gps'])
  },
)

test('a PNG chunk whose location was wiped has a valid checksum', async () => {
  const photograph = await photographWithLocation()
  const asked: RenditionSpec = { format: 'png', keep: ['KEEP_EXIF'] }
  const { bytes } = await convertOne(converter.client, photograph, asked)
  const at = bytes.indexOf('eXIf')
  const length = bytes.readUInt32BE(at - 4)
  const chunk = bytes.subarray(at, at + 4 + length)
  expect(bytes.readUInt32BE(at + 4 + length)).toBe(pngChecksum(chunk))
})

test.each(['gif', 'tiff'])('what %s cannot keep is reported as removed', async (format) => {
  const photograph = await photographWithLocation()
  const { bytes, whole } = await convertOne(converter.client, photograph, {
    format,
    keep: ['KEEP_EXIF'],
  })
  expect(bytes.toString('latin1')).not.toMatch(/GPS/)
  expect((await sharp(bytes).metadata()).exif).toBeUndefined()
  expect(whole.stripped).toEqual(['exif', 'gps'])
})

test('XMP with a location is removed, XMP without one is kept', async () => {
  const xmp = (inner: string) =>
    `<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:exif="http://ns.adobe.com/exif/1.0/" ${inner}/></rdf:RDF></x:xmpmeta>`
  const with_ = (inner: string) => twoHalves().jpeg().withXmp(xmp(inner)).toBuffer()
  const free = await convertOne(converter.client, await with_('dc:source="Ada"'), {
    format: 'webp',
    keep: ['KEEP_EXIF'],
  })
  expect((await sharp(free.bytes).metadata()).xmpAsString).toContain('Ada')
  expect(free.whole.stripped).toEqual([])
  const tells = await convertOne(converter.client, await with_('exif:GPSLatitude="51,30.5N"'), {
    format: 'webp',
    keep: ['KEEP_EXIF'],
  })
  expect((await sharp(tells.bytes).metadata()).xmp).toBeUndefined()
  expect(tells.whole.stripped.sort()).toEqual(['gps', 'xmp'])
})

test.runIf(hasCorpus)(
  `a real photograph with a real place does not keep it${corpusLeftOut}`,
  async () => {
    const photograph = await corpusFile('Landscape_9.jpg')
    const { bytes, whole } = await convertOne(converter.client, photograph, {
      format: 'jpeg',
      keep: ['KEEP_EXIF'],
    })
    const { exif, xmp, iptc } = await sharp(bytes).metadata()
    expect(exif, 'the rest of the EXIF is there').toBeDefined()
    expect(whole.stripped).toContain('gps')
    expect(`${xmp ?? ''}${iptc?.toString('latin1') ?? ''}`).not.toMatch(/gps|city|location/i)
  },
)
