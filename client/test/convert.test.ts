import { createHash } from 'node:crypto'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { createTerminal } from '@herald/runtime/terminal'
import { columns } from '@herald/runtime/terminal-text'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { formatsCommand } from '#src/commands/formats'
import { gradient, noise } from './pictures.js'
import { type RealConverter, startConverter } from './real-converter.js'
import { type Files, workshopWith } from './workshop.js'

let converter: RealConverter
beforeAll(async () => {
  converter = await startConverter()
})
afterAll(() => converter.close())

const workshop = (files?: Files) => workshopWith(files, converter.address)

const magic: Record<string, (bytes: Buffer) => boolean> = {
  jpeg: (bytes) => bytes.subarray(0, 2).toString('hex') === 'ffd8',
  png: (bytes) => bytes.subarray(1, 4).toString() === 'PNG',
  webp: (bytes) => bytes.subarray(8, 12).toString() === 'WEBP',
  avif: (bytes) => bytes.subarray(4, 12).toString() === 'ftypavif',
  gif: (bytes) => bytes.subarray(0, 3).toString() === 'GIF',
  tiff: (bytes) => /^(49492a00|4d4d002a)$/.test(bytes.subarray(0, 4).toString('hex')),
}
const extensions: Record<string, string> = { jpeg: 'jpg', tiff: 'tif' }

describe('herald convert', () => {
  test('makes a file of every format, named for its source, in one call', async () => {
    const shop = await workshop({ 'harbour.png': gradient(64, 48) })
    const formats = Object.keys(magic).join(',')
    const { status, stdout } = await shop.herald([
      'convert',
      'harbour.png',
      '--to',
      formats,
      '--out',
      'made',
      '--json',
    ])
    expect(status).toBe(0)
    const { renditions } = JSON.parse(stdout)
    expect(renditions.map(({ format }: { format: string }) => format)).toEqual(Object.keys(magic))
    for (const { path, format, sha256, sizeBytes, name } of renditions) {
      const bytes = await readFile(path)
      expect(magic[format]?.(bytes), format).toBe(true)
      expect(name).toBe(`harbour.${extensions[format] ?? format}`)
      expect(createHash('sha256').update(bytes).digest('hex')).toBe(sha256)
      expect(bytes.byteLength).toBe(sizeBytes)
    }
    expect(await shop.names(shop.path('made'))).toHaveLength(6)
  })

  test('saves the result beside its source and prints its path, size and recipients', async () => {
    const shop = await workshop()
    await mkdir(shop.path('photos'))
    await writeFile(shop.path('photos', 'harbour.png'), gradient(400, 300))
    const { status, stdout, stderr } = await shop.herald([
      ...['convert', 'photos/harbour.png', '--to', 'webp', '--notify', 'ada@example.com'],
    ])
    expect(status).toBe(0)
    expect(stdout).toMatch(
      /^✓ photos\/harbour\.png → photos\/harbour\.webp {2,}[\d.]+ k?B → +[\d.]+ k?B \(−\d+ %\) +\d+ ms {2}queued for ada@example\.com\n$/,
    )
    expect(stderr).toMatch(/^! No notifier has ever read the topic/)
    expect(await shop.names(shop.path('photos'))).toEqual(['harbour.png', 'harbour.webp'])
  })

  test('makes what the options ask for', async () => {
    const shop = await workshop({ 'a.png': noise(200, 100) })
    const sized = async (...options: string[]) => {
      const { stdout } = await shop.herald([
        ...['convert', 'a.png', '--to', 'webp', '--force', '--json', ...options],
      ])
      const [{ width, height, quality, sizeBytes }] = JSON.parse(stdout).renditions
      return { width, height, quality, sizeBytes }
    }
    expect(await sized('--width', '50')).toMatchObject({ width: 50, height: 25 })
    expect(await sized('--width', '50', '--height', '50', '--fit', 'cover')).toMatchObject({
      width: 50,
      height: 50,
    })
    expect(await sized('--width', '400')).toMatchObject({ width: 200 })
    expect(await sized('--width', '400', '--enlarge')).toMatchObject({ width: 400 })
    const poor = await sized('--quality', '10')
    expect(poor.quality).toBe(10)
    expect(poor.sizeBytes).toBeLessThan((await sized('--lossless')).sizeBytes)
  })

  test('takes the extension for the format: jpg is jpeg, and a format named twice is made once', async () => {
    const shop = await workshop({ 'a.png': gradient(8, 8) })
    const { stdout } = await shop.herald(['convert', 'a.png', '-t', 'JPG', '-t', 'jpeg', '--json'])
    expect(JSON.parse(stdout).renditions).toMatchObject([{ format: 'jpeg', name: 'a.jpg' }])
  })

  test('converts a PNG that is named .jpg, and prints its real format', async () => {
    const shop = await workshop({ 'harbour.jpg': gradient(16, 16) })
    const { status, stdout } = await shop.herald(['convert', 'harbour.jpg', '--to', 'webp'])
    expect(status).toBe(0)
    expect(stdout).toContain('harbour.jpg contains PNG data, despite its name')
  })

  test('lists the parts that were removed from a PDF', async () => {
    const objects = [
      '1 0 obj\n<</Type/Catalog/Pages 2 0 R>>\nendobj\n',
      '2 0 obj\n<</Type/Pages/Kids[3 0 R]/Count 1>>\nendobj\n',
      '3 0 obj\n<</Type/Page/Parent 2 0 R/MediaBox[0 0 20 20]>>\nendobj\n',
      '4 0 obj\n<</Title(Plans)>>\nendobj\n',
    ]
    const trailer = 'trailer\n<</Root 1 0 R/Info 4 0 R/Size 5>>\nstartxref\n0\n%%EOF\n'
    const shop = await workshop({
      'a.pdf': Buffer.from(`%PDF-1.7\n${objects.join('')}${trailer}`),
    })
    const { stdout } = await shop.herald(['convert', 'a.pdf', '--to', 'pdf', '-o', 'out'])
    expect(stdout).toContain('  removed: title, author and other properties\n')
  })

  test('shows and makes harmless names of a file with a hostile one', async () => {
    const hostile = '"; rm -rf ~\r\nBcc: eve@example.com .png'
    const coloured = '\u001b[31mred\u202egpj.png'
    const shop = await workshop({ [hostile]: gradient(8, 8), [coloured]: gradient(8, 8) })
    const args = ['convert', hostile, coloured, '--to', 'webp']
    const { status, stdout } = await shop.herald(args)
    expect(status).toBe(0)
    expect(stdout).toContain('"; rm -rf ~\\r\\nBcc: eve@example.com .png')
    expect(stdout).toContain('\\x1b[31mred\\u{202e}gpj.png')
    // Nothing but the line ends of its own.
    expect(stdout.replaceAll('\n', '')).toMatch(/^[^\p{Cc}\p{Cf}]*$/u)
    expect(stdout.trimEnd().split('\n')).toHaveLength(2)
    expect(await shop.names()).toContain('"; rm -rf ~__Bcc: eve@example.com .webp')
    expect(await shop.names()).toContain('_[31mred_gpj.webp')

    const json = await shop.herald([...args, '--force', '--json'])
    expect(json.stdout.replaceAll('\n', '')).toMatch(/^[^\p{Cc}\p{Cf}]*$/u)
    const lines = json.stdout.trimEnd().split('\n')
    expect(lines.map((line) => JSON.parse(line).file)).toEqual([hostile, coloured])
  })

  test('converts many files at once and reports them in the order they were named', async () => {
    const names = Array.from({ length: 12 }, (_, at) => `picture-${at}.png`)
    const shop = await workshop(
      Object.fromEntries(names.map((name, at) => [name, gradient(at % 3 ? 8 : 300, 8)])),
    )
    const { status, stdout } = await shop.herald(['convert', ...names, '--to', 'webp', '--json'])
    expect(status).toBe(0)
    const lines = stdout.trimEnd().split('\n')
    expect(lines.map((line) => JSON.parse(line).file)).toEqual(names)
  })

  test('two at once into one folder: neither hurts the other', async () => {
    const shop = await workshop({ 'a.png': gradient(300, 200), 'b.png': gradient(301, 200) })
    const both = await Promise.all([
      shop.herald(['convert', 'a.png', '--to', 'webp', '--out', 'made']),
      shop.herald(['convert', 'b.png', '--to', 'webp', '--out', 'made']),
    ])
    expect(both.map(({ status }) => status)).toEqual([0, 0])
    expect(await shop.names(shop.path('made'))).toEqual(['a.webp', 'b.webp'])
  })

  test('two that race for one name: one gets it, the other hears who was first', async () => {
    const shop = await workshop({ 'a.png': gradient(300, 200) })
    await mkdir(shop.path('other'))
    await writeFile(shop.path('other', 'a.png'), gradient(310, 200))
    const both = await Promise.all([
      shop.herald(['convert', 'a.png', '--to', 'webp', '--out', 'made']),
      shop.herald(['convert', 'other/a.png', '--to', 'webp', '--out', 'made']),
    ])
    expect(both.map(({ status }) => status).sort()).toEqual([0, 2])
    const loser = both.find(({ status }) => status === 2)
    expect(loser?.stderr).toMatch(/a\.webp already exists/)
    expect(await shop.names(shop.path('made'))).toEqual(['a.webp'])
  })

  test('prints no colours into pipes, and only results to standard output', async () => {
    const shop = await workshop({ 'a.png': gradient(8, 8) })
    const { stdout, stderr } = await shop.herald(['convert', 'a.png', 'b.png', '--to', 'webp'])
    expect(stdout).toMatch(/^✓ a\.png → a\.webp.*\n$/)
    expect(stderr).toMatch(/^✗ b\.png {2}There is no such file\./)
    expect(stdout + stderr).not.toContain('\u001b')
  })
})

describe('herald formats', () => {
  test('lists the formats that can be read and written, and the limits', async () => {
    const shop = await workshop()
    const { status, stdout } = await shop.herald(['formats'])
    expect(status).toBe(0)
    expect(stdout).toMatch(/^format +read +write +lossless +pages +quality +files\n/)
    expect(stdout).toMatch(/^webp +yes +yes +yes +yes +80 +\.webp$/m)
    expect(stdout).toMatch(/^svg +yes +– /m)
    expect(stdout).toContain('50 megapixels')
    expect(stdout).toMatch(/^Not available: .*jxl/m)
    expect(stdout).toMatch(/^Engines: image\b.*\.$/m)
  })

  test('fits a terminal of 40 columns', async () => {
    const shop = await workshop()
    const lines: string[] = []
    const stream = { isTTY: true, columns: 40, write: (text: string) => lines.push(text.trimEnd()) }
    const terminal = createTerminal(stream, stream, { NO_COLOR: '1' })
    const env = { HERALD_CONVERTER: converter.address, HERALD_DATA: shop.path('data') }
    const { signal } = new AbortController()
    const context = { env, terminal, signal, stdin: process.stdin, stdout: process.stdout }
    expect(await formatsCommand({}, context)).toBe(0)
    expect(lines.length).toBeGreaterThan(20)
    expect(lines.filter((line) => columns(line) > 40)).toEqual([])
  })

  test('prints the same as JSON', async () => {
    const shop = await workshop()
    const { stdout } = await shop.herald(['formats', '--json'])
    const { formats, limits, engines } = JSON.parse(stdout)
    expect(engines).toContainEqual({ name: 'image', available: true, unavailableReason: null })
    expect(formats).toContainEqual(expect.objectContaining({ name: 'svg', writable: false }))
    expect(limits.maxPixels).toBe(50_000_000)
  })
})
