import { randomBytes } from 'node:crypto'
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { gzipSync } from 'node:zlib'
import sharp from 'sharp'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { RenditionPlan } from '#src/engines/engine'
import { imageEngine } from '#src/engines/image'
import { countPoints } from '#src/engines/image/svg-text'
import { sniff, sniffBytes } from '#src/sniff/sniff'
import { colourAt } from './pictures.js'
import { plainPlan } from './plain-plan.js'

const limits = { maxPixels: 10_000_000, maxPages: 100, maxBytes: 100_000_000 }
const names = 'xmlns="http://www.w3.org/2000/svg"'
const square = '<rect width="40" height="20" fill="#f00"/>'
let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'herald-drawings-test-'))
})
afterAll(() => rm(folder, { recursive: true }))

const rooted = (attributes: string, body = square) => `<svg ${names} ${attributes}>${body}</svg>`

/** Sniffed and drawn, as an upload is. */
async function draw(drawing: string | Buffer, changes: Partial<RenditionPlan> = {}) {
  const bytes = Buffer.from(drawing as string)
  const source = { path: join(folder, 'source'), format: 'svg' }
  const target = join(folder, 'target')
  await writeFile(source.path, bytes)
  expect(await sniff(bytes.subarray(0, sniffBytes))).toEqual({ kind: 'format', name: 'svg' })
  const inspection = await imageEngine.inspect(source)
  const plan = plainPlan('png', changes)
  const { width, height } = await imageEngine.convert(source, plan, target, limits)
  if (Object.keys(changes).length === 0) expect(inspection).toMatchObject({ width, height })
  return { width, height, bytes: await readFile(target) }
}

describe('the size of a drawing', () => {
  test.each([
    ['A4, at 96 dots per inch', 'width="210mm" height="297mm"', 794, 1123],
    ['points', 'width="72pt" height="36pt"', 96, 48],
    ['inches and picas', 'width="1in" height="3pc"', 96, 48],
    ['no unit', "width='120' height='80'", 120, 80],
    ['an exponent', 'width="1.2e2" height="80px"', 120, 80],
    ['em of the default font', 'width="10em" height="5em"', 160, 80],
    ['percents of a viewBox', 'width="100%" height="100%" viewBox="0 0 64 48"', 64, 48],
    ['one side and a viewBox', 'width="300" viewBox="0 0 30 20"', 300, 200],
    ['a viewBox alone', 'viewBox="0 0 64 48"', 64, 48],
    ['nothing at all: what is drawn', '', 40, 20],
    ['percents alone: what is drawn', 'width="100%" height="100%"', 40, 20],
  ])('%s', async (_what, attributes, width, height) => {
    expect(await draw(rooted(attributes))).toMatchObject({ width, height })
  })

  test.each([
    ['1e9', rooted('width="1e9" height="1e9"'), 'HERALD_TOO_MANY_PIXELS', /1,000,000,000 ×/],
    ['20,000', rooted('width="20000" height="20000"'), 'HERALD_TOO_MANY_PIXELS', /400,000,000/],
    ['negative', rooted('width="-5" height="10"'), 'HERALD_CORRUPT_FILE', /has a width of -5/],
    ['zero', rooted('width="9" height="0mm"'), 'HERALD_CORRUPT_FILE', /has a height of 0mm/],
    ['nothing drawn', rooted('', ''), 'HERALD_CORRUPT_FILE', /has no size/],
    ['an empty viewBox', rooted('viewBox="0 0 0 0"'), 'HERALD_CORRUPT_FILE', /has no size/],
    [
      'relative throughout',
      rooted('width="100%"', '<rect width="100%" height="100%"/>'),
      'HERALD_CORRUPT_FILE',
      /no size of its own/,
    ],
  ])('is refused with the reason: %s', async (_what, drawing, code, message) => {
    await expect(draw(drawing)).rejects.toMatchObject({
      code,
      message: expect.stringMatching(message),
    })
  })

  test('is no limit if a smaller one is requested', async () => {
    const drawing = rooted('width="20000" height="10000"', '<rect width="100%" height="100%"/>')
    expect(await draw(drawing, { width: 200 })).toMatchObject({ width: 200, height: 100 })
  })
})

/** A bar of 10 mm in a drawing of 60 mm: a sixth of the width, however it is drawn. */
const bar = rooted('width="60mm" height="30mm"', '<rect width="10mm" height="100%" fill="#f00"/>')

test.each([
  {},
  { width: 600 },
  { width: 60 },
  { rotate: 180 },
  { rotate: 180, width: 600 },
  { rotate: 90 },
  { rotate: 270, width: 300 },
])('millimetres keep their proportion: %o', async (changes) => {
  const { bytes } = await draw(bar, changes)
  const { data } = await sharp(bytes).extractChannel(3).raw().toBuffer({ resolveWithObject: true })
  const share = data.reduce((sum, alpha) => sum + alpha, 0) / 255 / data.length
  expect(share).toBeGreaterThan(0.155)
  expect(share).toBeLessThan(0.178)
})

const fixtures = fileURLToPath(new URL('./fixtures/drawings/', import.meta.url))
const written = await readdir(fixtures)

test.each([{ width: 1000 }, { width: 7 }, { width: 300, height: 300, fit: 'cover' as const }])(
  'a small drawing is drawn at %o, not scaled afterwards',
  async (changes) => {
    const halves = rooted('width="10" height="7"', '<rect width="5" height="7" fill="#f00"/>')
    const { bytes, height } = await draw(halves, { ...changes, enlarge: true })
    const { data } = await sharp(bytes)
      .extractChannel(3)
      .extract({ left: 0, top: height >> 1, width: changes.width, height: 1 })
      .raw()
      .toBuffer({ resolveWithObject: true })
    // Only the column of the edge is mixed.
    expect(data.filter((alpha) => alpha > 0 && alpha < 255).length).toBeLessThanOrEqual(1)
  },
)

describe('as programs write it', () => {
  test.each(written)('%s is red with a white disc', async (name) => {
    const { bytes, width, height } = await draw(await readFile(`${fixtures}${name}`))
    const shown = await sharp(bytes).removeAlpha().png().toBuffer()
    expect(await colourAt(shown, 2, 2)).toEqual([200, 30, 40])
    expect(await colourAt(shown, width / 2, height / 2)).toEqual([255, 255, 255])
  })

  const declared = (encoding: string, body: string) =>
    `<?xml version="1.0" encoding="${encoding}"?>${rooted('width="40" height="20"', body)}`
  const prefixed = `<s:svg xmlns:s="http://www.w3.org/2000/svg" width="40" height="20"><s:rect width="40" height="20" fill="#f00"/></s:svg>`
  const swapped = Buffer.from(`\ufeff${prefixed}`, 'utf16le').swap16()
  test.each([
    ['with a prefix', Buffer.from(prefixed)],
    ['UTF-16, big end first', swapped],
    ['UTF-16 without a byte order mark', Buffer.from(declared('UTF-16', square), 'utf16le')],
    ['Latin-1', Buffer.from(declared('ISO-8859-1', `<!-- Größe -->${square}`), 'latin1')],
    ['after a byte order mark', Buffer.from(`\ufeff${declared('UTF-8', square)}`)],
    ['after a long comment', Buffer.from(`<!--${'-licence'.repeat(900)} -->${prefixed}`)],
    [
      'gzipped, longer than its head',
      gzipSync(`${prefixed}<!--${randomBytes(100_000).toString('hex')}-->`),
    ],
    ['gzipped UTF-16', gzipSync(swapped)],
  ])('%s', async (_what, bytes) => {
    const drawn = await draw(bytes)
    expect(drawn).toMatchObject({ width: 40, height: 20 })
    expect(await colourAt(drawn.bytes, 20, 10)).toEqual([255, 0, 0, 255])
  })
})

describe('more than 10 MB', () => {
  test('in one path', async () => {
    const path = `<path d="M0,0 ${' '.repeat(10_100_000)}H40V20H0z" fill="#f00"/>`
    const drawing = rooted('viewBox="0 0 40 20"', path)
    expect(await colourAt((await draw(drawing)).bytes, 20, 10)).toEqual([255, 0, 0, 255])
  })

  test('in one photograph', async () => {
    const photograph = await sharp(randomBytes(7_800_000), {
      raw: { width: 2000, height: 1300, channels: 3 },
    })
      .png({ compressionLevel: 0 })
      .toBuffer()
    const href = `data:image/png;base64,${photograph.toString('base64')}`
    expect(href.length).toBeGreaterThan(10_000_000)
    const drawing = rooted(
      'width="40" height="20"',
      `<image width="40" height="20" href="${href}"/>`,
    )
    expect((await colourAt((await draw(drawing)).bytes, 20, 10))[3]).toBe(255)
  })

  test.each([0, 11_000_000])(
    'entities that multiply are refused, in a file of %i bytes',
    async (size) => {
      const letters = [...'abcdefghij']
      const entities = letters.map((letter, at) => {
        const value = at === 0 ? 'x'.repeat(10) : `&${letters[at - 1]};`.repeat(10)
        return `<!ENTITY ${letter} "${value}">`
      })
      const bomb = `<!DOCTYPE svg [${entities.join('')}]>${rooted('width="9" height="9"', '<text>&j;</text>')}<!--${'-x'.repeat(size / 2)}-->`
      await expect(draw(bomb)).rejects.toMatchObject({
        code: 'HERALD_CORRUPT_FILE',
        message: 'This SVG file expands its entities too often.',
      })
    },
  )

  test.each([
    ['', '&nbsp;'],
    ['<!DOCTYPE svg [<!ENTITY passwd SYSTEM "file:///etc/passwd">]>', '&passwd;'],
  ])('an entity that is not defined in the file is refused as that: %s%s', async (type, text) => {
    const drawing = type + rooted('width="9" height="9"', `<text>${text}</text>`)
    await expect(draw(drawing)).rejects.toMatchObject({
      code: 'HERALD_CORRUPT_FILE',
      message: 'This SVG file uses an entity that it does not define.',
    })
  })

  test('unpacked from a few kilobytes is refused', async () => {
    const bomb = gzipSync(`${rooted('width="9" height="9"')}${' '.repeat(140 * 1024 ** 2)}`)
    await expect(draw(bomb)).rejects.toMatchObject({ code: 'HERALD_TOO_MUCH_MEMORY' })
  })
})

test.each([
  ['a path', '<path d="M1.5-2.5L3,4e1 5 6z"/>', 3],
  ['a polygon', "<polygon points = '0,0 1,1 2,0'/>", 3],
  ['several', '<path d="M0 0L1 1"/><polyline points="2 2 3 3"/>', 4],
  ['neither', '<rect id="p9" width="10" height="10"/>', 0],
])('the points of %s are counted', (_what, element, points) => {
  expect(countPoints(Buffer.from(`<svg>${element}</svg>`))).toBe(points)
})
