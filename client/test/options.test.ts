import { readFile } from 'node:fs/promises'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { formats, timeout } from '#src/commands/convert-arguments'
import { gradient, noise } from './pictures.js'
import { readTopic } from './read-topic.js'
import { type RealConverter, startConverter } from './real-converter.js'
import { type Files, openWorkshop, workshopWith } from './workshop.js'

let converter: RealConverter
beforeAll(async () => {
  converter = await startConverter()
})
afterAll(() => converter.close())

const workshop = (files?: Files) => workshopWith(files, converter.address)

test.each([
  ['a timeout', timeout, ['3', '0s', '1w', '99999999h']],
  ['a target format', formats, ['', ',']],
] as const)('%s that is invalid is refused with what is expected', (_, read, texts) => {
  for (const text of texts) expect(() => read(text)).toThrow(/^Invalid \w+ ".*": expected a /)
})

describe('herald convert makes what is asked for', () => {
  test('a limit of bytes, an effort, a palette, a turn', async () => {
    const shop = await workshop({ 'a.png': noise(200, 100) })
    const made = async (...options: string[]) => {
      const { stdout, stderr } = await shop.herald([
        ...['convert', 'a.png', '--force', '--json', ...options],
      ])
      expect(stderr).not.toContain('✗')
      return JSON.parse(stdout).renditions[0]
    }
    const small = await made('--to', 'webp', '--max-bytes', '8k')
    expect(small.sizeBytes).toBeLessThanOrEqual(8_000)
    expect(small.quality).toBeLessThan(80)
    expect(await made('--to', 'webp', '--effort', '0')).toMatchObject({ effort: 0 })
    expect(await made('--to', 'jpeg', '--rotate', '90')).toMatchObject({ width: 100, height: 200 })
    await made('--to', 'png', '--palette', '-o', 'out')
    // The colour type in the header: 3 is a palette.
    expect((await readFile(shop.path('out', 'a.png')))[25]).toBe(3)
  })

  test('a picture that was not enlarged is reported, with the option that does it', async () => {
    const shop = await workshop({ 'a.png': gradient(40, 30) })
    const convert = (...options: string[]) =>
      shop.herald(['convert', 'a.png', '--to', 'webp', '--force', '--no-announce', ...options])
    const small = await convert('--width', '400')
    expect(small.stdout).toContain('not enlarged: it stays at 40 × 30; --enlarge makes it larger')
    for (const options of [['--width', '20'], ['--width', '400', '--enlarge'], []]) {
      expect((await convert(...options)).stdout).not.toContain('enlarged')
    }
  })

  test('an invalid value is refused before the converter is asked', async () => {
    const shop = await openWorkshop('localhost:1')
    onTestFinished(() => shop.close())
    const { status, stderr } = await shop.herald(['convert', 'a.png', '-t', 'webp', '--page', 'x'])
    expect(status).toBe(2)
    expect(stderr).toContain('Invalid page "x": expected a page (the first is 1), or all.')
  })

  test('a file instead of a command gets the way to convert it', async () => {
    const shop = await workshop({ 'a.png': gradient(8, 8) })
    const { status, stderr } = await shop.herald(['a.png', '--to', 'webp'])
    expect(status).toBe(2)
    expect(stderr).toContain('herald convert a.png --to webp')
    expect((await shop.herald(['covnert'])).stderr).toContain('Did you mean convert?')
  })
})

describe('every page', () => {
  /** An SVG is one page; two frames of a GIF are two. */
  const animation = Buffer.from(
    '47494638396102000200f00000ff00000000ff21ff0b4e45545343415045322e300301000000' +
      '21f904000a0000002c000000000200020000020284510021f904000a0000002c00000000020002000002028c5d003b',
    'hex',
  )

  test('is a file of its own, counted from 1, announced with the others of its source', async () => {
    const shop = await workshop({ 'a.gif': animation })
    const args = ['convert', 'a.gif', '--to', 'png', '--page', 'all', '--json']
    const { status, stdout } = await shop.herald(args)
    expect(status).toBe(0)
    const { renditions } = JSON.parse(stdout)
    expect(renditions).toMatchObject([
      { name: 'a-page-1.png', page: 1, width: 2 },
      { name: 'a-page-2.png', page: 2, width: 2 },
    ])
    expect(await shop.names()).toEqual(['a-page-1.png', 'a-page-2.png', 'a.gif'])
    const [told, ...more] = await readTopic(shop.brokerUrl)
    expect(more).toEqual([])
    expect(told?.event.data).toMatchObject({
      runSize: 1,
      renditions: [{ name: 'a-page-1.png' }, { name: 'a-page-2.png' }],
    })
  })

  test('is refused if the file of any page exists, and saves none', async () => {
    const shop = await workshop({ 'a.gif': animation, 'a-page-1.png': 'mine' })
    const args = ['convert', 'a.gif', '--to', 'png', '--page', 'all']
    const { status, stderr } = await shop.herald(args)
    expect(status).toBe(2)
    expect(stderr).toContain('a-page-1.png already exists.')
    expect(await shop.names()).toEqual(['a-page-1.png', 'a.gif'])
    expect((await shop.herald([...args, '--force'])).status).toBe(0)
  })

  test('has a note if only the first of several was converted, unless one was asked for', async () => {
    const shop = await workshop({ 'a.gif': animation })
    const first = await shop.herald(['convert', 'a.gif', '--to', 'png'])
    expect(first.stdout).toContain('  page 1 of 2 only; --page all makes a file of each\n')
    const asked = await shop.herald(['convert', 'a.gif', '--to', 'png', '--page', '1', '--force'])
    expect(asked.stdout).not.toContain('only')
  })

  test('one page alone keeps the plain name', async () => {
    const shop = await workshop({ 'a.gif': animation })
    await shop.herald(['convert', 'a.gif', '--to', 'png', '--page', '2'])
    expect(await shop.names()).toEqual(['a.gif', 'a.png'])
  })
})

describe('a run of several files', () => {
  test('puts the number of events of the run into each event', async () => {
    const shop = await workshop({
      'a.png': gradient(8, 8),
      'b.png': gradient(8, 8),
      'c.png': Buffer.alloc(100, 1),
    })
    const args = ['convert', 'a.png', 'b.png', 'c.png', 'gone.png', '-t', 'webp']
    await shop.herald([...args, '-n', 'ada@example.com', '-n', 'zoe@example.com'])
    const events = await readTopic(shop.brokerUrl)
    expect(events).toHaveLength(6)
    expect(new Set(events.map(({ event }) => event.data.runSize))).toEqual(new Set([3]))
  })
})
