import { status } from '@grpc/grpc-js'
import type { ConversionSpec, RenditionSpec } from '@herald/proto/converter'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { convert, readRefusal, refusal } from './convert.js'
import { type ConverterUnderTest, startConverter } from './converter-under-test.js'
import { animation, noise, twoHalves } from './pictures.js'

let converter: ConverterUnderTest
let png: Buffer
beforeAll(async () => {
  converter = await startConverter({ maxBytes: 300_000, maxPixels: 100_000, maxPages: 5 })
  png = await twoHalves().png().toBuffer()
})
afterAll(() => converter.close())

const { INVALID_ARGUMENT, RESOURCE_EXHAUSTED, DATA_LOSS } = status

describe('on the spec alone, before a chunk is taken', () => {
  const writes = 'this server writes jpeg, png, webp, avif, gif, tiff'
  test.each<[string, RenditionSpec | string, string, RegExp, RegExp]>([
    ['a slip', 'wepb', 'HERALD_UNKNOWN_FORMAT', /"wepb".*writes jpeg, png/, /Did you mean webp\?/],
    ['nonsense', 'qqqqqq', 'HERALD_UNKNOWN_FORMAT', new RegExp(writes), /Choose one of jpeg/],
    ['no format', '', 'HERALD_UNKNOWN_FORMAT', /No target format/, /Choose one of/],
    ['SVG', 'svg', 'HERALD_UNKNOWN_FORMAT', /svg can be read but not written/, /Choose one/],
    ['HEIC', 'heic', 'HERALD_UNKNOWN_FORMAT', /heic can be read but not written/, /Choose one/],
    ['a hostile name', '\r\nx: \u001b[31mü\u0000', 'HERALD_UNKNOWN_FORMAT', /\\u001b/, /./],
    ['lossless JPEG', { format: 'jpeg', lossless: true }, 'HERALD_BAD_OPTION', /png, webp/, /./],
  ])('%s is refused', async (_what, rendition, code, message, remedy) => {
    expect(await refusal(converter.client, png, [rendition])).toEqual({
      status: INVALID_ARGUMENT,
      code,
      message: expect.stringMatching(message),
      remedy: expect.stringMatching(remedy),
      retryAfterMs: undefined,
      parts: [],
    })
  })

  test.each<[RenditionSpec, string]>([
    [{ format: 'webp', quality: 0 }, 'Invalid quality "0": expected a whole number from 1 to 100.'],
    [
      { format: 'png', height: 70_000 },
      'Invalid height "70000": expected a whole number from 1 to 65535.',
    ],
    [
      { format: 'webp', width: 20_000 },
      'Invalid width "20000": expected a whole number from 1 to 16383 for webp.',
    ],
  ])('%j is refused', async (rendition, message) => {
    const refused = await refusal(converter.client, png, [rendition])
    expect(refused).toMatchObject({ code: 'HERALD_BAD_OPTION', message, parts: [] })
  })

  test.each<[string, Partial<ConversionSpec>, string, RegExp]>([
    ['an id that is no UUIDv7', { conversionId: 'x' }, 'HERALD_BAD_SPEC', /UUIDv7/],
    ['a name of 1,025 bytes', { fileName: 'x'.repeat(1025) }, 'HERALD_BAD_SPEC', /1024 bytes/],
    ['no rendition', { renditions: [] }, 'HERALD_BAD_SPEC', /No rendition/],
    [
      '17 renditions',
      { renditions: Array.from({ length: 17 }, () => ({ format: 'png' })) },
      'HERALD_BAD_SPEC',
      /limit for one upload is 16/,
    ],
    ['a size of 0', { sizeBytes: 0 }, 'HERALD_EMPTY_FILE', /empty/],
  ])('%s is refused', async (_what, spec, code, message) => {
    const refused = await refusal(converter.client, png, ['png'], spec)
    expect(refused).toMatchObject({ code, message: expect.stringMatching(message), parts: [] })
  })

  test('an announced size over the limit is refused with the limit', async () => {
    const refused = await refusal(converter.client, png, ['png'], { sizeBytes: 300_001 })
    expect(refused).toMatchObject({
      status: RESOURCE_EXHAUSTED,
      code: 'HERALD_TOO_MANY_BYTES',
      message: expect.stringContaining('300,000 bytes'),
      parts: [],
    })
  })

  test('a stream that begins with a chunk is refused', async () => {
    const call = converter.client.convert()
    call.write({ chunk: png })
    const error = await new Promise((resolve) => call.on('error', resolve).resume())
    expect(readRefusal(error as never).code).toBe('HERALD_BAD_SPEC')
  })
})

describe('on the upload', () => {
  const jpegWithHalf = async () => {
    const bytes = await noise(200, 200).jpeg().toBuffer()
    return bytes.subarray(0, bytes.length / 2)
  }
  test.each<[string, () => Promise<Buffer> | Buffer, string, RegExp]>([
    ['nothing', () => Buffer.alloc(0), 'HERALD_EMPTY_FILE', /no bytes/],
    ['a PNG of 17 bytes', () => png.subarray(0, 17), 'HERALD_CORRUPT_FILE', /PNG file/],
    ['half a JPEG', jpegWithHalf, 'HERALD_CORRUPT_FILE', /JPEG file is cut off/],
    [
      'nonsense',
      () => Buffer.from('hello\0\x01'),
      'HERALD_UNSUPPORTED_FILE',
      /format of this file is unknown/,
    ],
    [
      'a PDF of a line',
      () => Buffer.from('%PDF-1.7\n'),
      'HERALD_CORRUPT_FILE',
      /PDF file is cut off/,
    ],
    [
      'an SVG that does not end',
      () => Buffer.from('<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><g>'),
      'HERALD_CORRUPT_FILE',
      /SVG file is not well-formed/,
    ],
  ])('%s is refused', async (_what, bytes, code, message) => {
    const refused = await refusal(converter.client, await bytes(), ['webp'], {
      fileName: 'picture.png',
    })
    expect(refused).toMatchObject({
      status: INVALID_ARGUMENT,
      code,
      message: expect.stringMatching(message),
      remedy: expect.any(String),
    })
  })

  test('more bytes than allowed are refused while they come', async () => {
    const refused = await refusal(converter.client, Buffer.concat([png, Buffer.alloc(400_000)]), [
      'webp',
    ])
    expect(refused).toMatchObject({
      status: RESOURCE_EXHAUSTED,
      code: 'HERALD_TOO_MANY_BYTES',
      message: expect.stringContaining('300,000 bytes'),
    })
  })

  test.each([
    [-1, 'at least'],
    [1, 'only'],
  ])('%i byte off the announced size is a damaged transfer, with both sizes', async (off, few) => {
    const text = (bytes: number) => bytes.toLocaleString('en')
    const refused = await refusal(converter.client, png, ['webp'], {
      sizeBytes: png.length + off,
    })
    expect(refused).toMatchObject({
      status: DATA_LOSS,
      code: 'HERALD_DAMAGED_TRANSFER',
      message: `The upload was declared to have ${text(png.length + off)} bytes, but ${few} ${text(png.length)} arrived.`,
    })
  })

  test('a second spec is refused', async () => {
    const call = converter.client.convert()
    const spec = { fileName: 'x', renditions: [{ format: 'png' }] }
    call.write({ spec })
    call.write({ spec })
    const error = await new Promise((resolve) => call.on('error', resolve).resume())
    expect(readRefusal(error as never).code).toBe('HERALD_BAD_SPEC')
  })
})

describe('on the picture', () => {
  test('too many pixels are refused with the figures and the limit', async () => {
    const large = await twoHalves(400, 300).png().toBuffer()
    expect(await refusal(converter.client, large, [{ format: 'webp', width: 10 }])).toMatchObject({
      status: RESOURCE_EXHAUSTED,
      code: 'HERALD_TOO_MANY_PIXELS',
      message: 'The picture has 120,000 pixels (400 × 300); this server accepts at most 100,000.',
    })
  })

  test('a rendition of too many pixels is refused, drawn or scaled up', async () => {
    for (const [bytes, enlarge] of [
      [png, true],
      [Buffer.from('<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>'), false],
    ] as const) {
      const rendition = { format: 'png', width: 5000, enlarge }
      expect(await refusal(converter.client, bytes, [rendition])).toMatchObject({
        code: 'HERALD_TOO_MANY_PIXELS',
        message: expect.stringMatching(/rendition would have [\d,]+ pixels/),
      })
    }
  })

  test('the frames of an animation count, each of them', async () => {
    const moving = await animation('gif', 6)
    expect(await refusal(converter.client, moving, ['webp'])).toMatchObject({
      code: 'HERALD_TOO_MANY_PAGES',
      message: 'The file has 6 pages or frames; this server accepts at most 5.',
    })
    expect((await convert(converter.client, moving, ['png'])).summary.stripped).toEqual(['pages'])
  })
})

test('a PNG named .jpg is read as a PNG', async () => {
  const { summary } = await convert(converter.client, png, ['webp'], { fileName: 'holiday.jpg' })
  expect(summary.input).toMatchObject({ format: 'png', mediaType: 'image/png' })
})

test.each(['"; rm -rf ~\r\nBcc: eve@example.com .png', '../../etc/passwd', '', '💥\u0000.png'])(
  'the file name %j does no harm',
  async (fileName) => {
    const { renditions } = await convert(converter.client, png, ['webp'], { fileName })
    expect(renditions).toHaveLength(1)
  },
)

test('after all this nothing is left in the spool and the children are the same', async () => {
  await converter.spoolEmpties()
  expect(converter.app.pids()).toHaveLength(3)
})
