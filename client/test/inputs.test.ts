import { readdir, readFile, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { gradient } from './pictures.js'
import { readTopic } from './read-topic.js'
import { type RealConverter, startConverter } from './real-converter.js'
import { type Files, workshopWith } from './workshop.js'

let converter: RealConverter
beforeAll(async () => {
  converter = await startConverter({ HERALD_MAX_BYTES: '1M' })
})
afterAll(() => converter.close())

const picture = gradient(16, 12)

const workshop = (files?: Files) => workshopWith(files, converter.address)

const all = async (folder: string) =>
  (await readdir(folder, { recursive: true, withFileTypes: true }))
    .filter((entry) => entry.isFile())
    .map((entry) => `${entry.parentPath.slice(folder.length)}/${entry.name}`.slice(1))
    .sort()

const isWebp = (bytes: Buffer) => bytes.subarray(8, 12).toString() === 'WEBP'

describe('a folder', () => {
  const tree = {
    'photos/b.png': picture,
    'photos/a10.png': picture,
    'photos/a9.PNG': picture,
    'photos/notes.xyz': 'no picture',
    'photos/.hidden.png': picture,
    'photos/summer/c.png': picture,
  }

  test('is mirrored under --out with what is in it, in the order that people sort', async () => {
    const shop = await workshop(tree)
    await symlink('..', shop.path('photos', 'summer', 'circle'))
    const args = ['convert', 'photos', '-r', '--to', 'webp', '--out', 'made', '--json']
    const { status, stdout } = await shop.herald(args)
    expect(status).toBe(0)
    const lines = stdout.trimEnd().split('\n')
    expect(lines.map((line) => JSON.parse(line).file)).toEqual([
      'photos/a9.PNG',
      'photos/a10.png',
      'photos/b.png',
      'photos/summer/c.png',
    ])
    expect(await all(shop.path('made'))).toEqual(['a10.webp', 'a9.webp', 'b.webp', 'summer/c.webp'])
  })

  test('without --recursive is refused with the way out', async () => {
    const shop = await workshop(tree)
    const { status, stderr } = await shop.herald(['convert', 'photos', '--to', 'webp'])
    expect(status).toBe(3)
    expect(stderr).toContain('photos  This is a folder.\n  Add --recursive')
  })

  test('without readable files is an error', async () => {
    const shop = await workshop({ 'papers/notes.xyz': 'no picture' })
    const { status, stderr } = await shop.herald(['convert', 'papers', '-r', '--to', 'webp'])
    expect(status).toBe(3)
    expect(stderr).toContain(
      'papers  The folder has no files with an extension that the converter reads',
    )
  })

  test('a second time: results in it are not converted; --skip-existing continues', async () => {
    const shop = await workshop(tree)
    const args = ['convert', '.', '-r', '--to', 'webp,jpeg']
    expect((await shop.herald([...args, '--out', 'made'])).status).toBe(0)
    expect((await shop.herald([...args, '--out', 'made', '--force'])).status).toBe(0)
    expect((await all(shop.path('made'))).filter((name) => name.includes('made'))).toEqual([])

    const beside = ['convert', 'photos', '-r', '--to', 'webp,jpeg']
    expect((await shop.herald(beside)).status).toBe(0)
    expect(await all(shop.path('photos'))).toEqual(
      [
        ...['.hidden.png', 'a10.jpg', 'a10.png', 'a10.webp', 'a9.PNG', 'a9.jpg', 'a9.webp'],
        ...['b.jpg', 'b.png', 'b.webp', 'notes.xyz'],
        ...['summer/c.jpg', 'summer/c.png', 'summer/c.webp'],
      ].sort(),
    )
    const taken = await shop.herald(beside)
    expect(taken.status).toBe(2)
    expect(taken.stderr).toContain('0 of 4 files converted; 4 failed; 8 skipped')
    await writeFile(shop.path('photos', 'd.png'), picture)
    const next = await shop.herald([...beside, '--skip-existing'])
    expect(next.status).toBe(0)
    expect(next.stdout).toMatch(/^✓ photos\/d\.png → photos\/d\.webp.*\n.*photos\/d\.jpg.*\n$/)
  })
})

test('of two files in a folder with the same result name, the second is an error', async () => {
  const shop = await workshop({ 'p/a.png': picture, 'p/a.gif': picture, 'p/b.png': picture })
  const { status, stdout, stderr } = await shop.herald(['convert', 'p', '-r', '--to', 'webp'])
  expect(status).toBe(2)
  expect(stdout).toMatch(/^✓ p\/a\.gif .*\n.*\n✓ p\/b\.png/)
  expect(stderr).toMatch(/✗ p\/a\.png {2}p\/a\.gif and p\/a\.png would both become /)
})

describe('a pattern in quotes', () => {
  test('is expanded by Herald; --out mirrors the folders below its fixed part', async () => {
    const shop = await workshop({
      'scans/2024/a.png': picture,
      'scans/2025/b.png': picture,
      'scans/2025/c.jpg': picture,
    })
    const args = ['convert', 'scans/**/*.png', '--to', 'webp', '--out', 'made']
    expect((await shop.herald(args)).status).toBe(0)
    expect(await all(shop.path('made'))).toEqual(['2024/a.webp', '2025/b.webp'])
  })

  test('that is a file’s very name means that file', async () => {
    const shop = await workshop({ '[a]*.png': picture, 'a1.png': picture })
    const { status } = await shop.herald(['convert', '[a]*.png', '--to', 'webp'])
    expect(status).toBe(0)
    expect(await shop.names()).toContain('[a]*.webp')
    expect(await shop.names()).not.toContain('a1.webp')
  })

  test('that matches nothing is an error of its own; the other files are converted', async () => {
    const shop = await workshop({ 'a.png': picture })
    const { status, stdout, stderr } = await shop.herald([
      ...['convert', '*.gif', 'a.png', '--to', 'webp'],
    ])
    expect(status).toBe(3)
    expect(stderr).toContain('*.gif  No file matches the pattern.')
    expect(stdout).toMatch(/^✓ a\.png/)
  })
})

describe('standard input and output', () => {
  test('one into the other: the bytes alone on standard output, the rest beside', async () => {
    const shop = await workshop()
    const { status, bytes, stderr } = await shop.pipe(
      ['convert', '-', '--to', 'webp', '--name', 'гавань.png', '-n', 'ada@example.com'],
      picture,
    )
    expect(status).toBe(0)
    expect(isWebp(bytes)).toBe(true)
    expect(stderr).toMatch(
      /^✓ - → standard output .* queued for ada@example\.com\n! No notifier has ever read the topic notifications\b.*\n$/,
    )
    const [told] = await readTopic(shop.brokerUrl)
    expect(told?.event.data).toMatchObject({
      source: { name: 'гавань.png' },
      renditions: [{ name: 'гавань.webp', sizeBytes: bytes.length }],
    })
    expect(told?.event.data).not.toHaveProperty('renditions[0].path')
    expect(await shop.names()).toEqual([])
  })

  test('standard input into a folder, a file to standard output', async () => {
    const shop = await workshop({ 'a.png': picture })
    await shop.pipe(['convert', '-', '--to', 'webp', '--name', '../b.png', '-o', 'made'], picture)
    expect(await all(shop.path('made'))).toEqual(['b.webp'])
    const { bytes } = await shop.pipe(['convert', 'a.png', '--to', 'webp', '-o', '-'], '')
    expect(isWebp(bytes)).toBe(true)
  })

  test('more than the converter takes is refused before the end of it, and nothing is left', async () => {
    const shop = await workshop()
    const before = (await readdir(tmpdir())).filter((name) => /^herald-[A-Za-z0-9]{6}$/.test(name))
    const { status, stderr, bytes } = await shop.pipe(
      ['convert', '-', '--to', 'webp'],
      Buffer.alloc(3_000_000, 1),
    )
    expect({ status, size: bytes.length }).toEqual({ status: 3, size: 0 })
    expect(stderr).toContain('Standard input is larger than 1.0 MB')
    const after = (await readdir(tmpdir())).filter((name) => /^herald-[A-Za-z0-9]{6}$/.test(name))
    expect(after.filter((name) => !before.includes(name))).toEqual([])
  })

  test.each([
    ['two formats', ['-', '--to', 'webp,jpeg'], /Standard output can take one file only/],
    [
      'two files',
      ['a.png', 'b.png', '--to', 'webp', '-o', '-'],
      /Standard output can take one file only/,
    ],
    ['every page', ['a.png', '--to', 'webp', '--page', 'all', '-o', '-'], /can take one file/],
    ['JSON beside', ['-', '--to', 'webp', '--json'], /both go to standard output/],
    ['standard input twice', ['-', '-', '--to', 'webp'], /given twice/],
    ['a name for nothing', ['a.png', '--to', 'webp', '--name', 'b.png'], /--name needs -/],
    [
      '--force with --skip-existing',
      ['a.png', '-t', 'webp', '--force', '--skip-existing'],
      /cannot be used with/,
    ],
    ['a file that looks like an option', ['-x.png', '--to', 'webp'], /write \.\/-x\.png/],
  ])('%s is an invalid command', async (_, args, message) => {
    const shop = await workshop({ 'a.png': picture, 'b.png': picture, '-x.png': picture })
    const { status, stderr, bytes } = await shop.pipe(['convert', ...args], picture)
    expect(stderr).toMatch(message)
    expect({ status, size: bytes.length }).toEqual({ status: 2, size: 0 })
  })

  test('if the reader of standard output exits, that is an error and nothing is announced', async () => {
    const shop = await workshop({ 'a.png': gradient(900, 700) })
    const script = `"$0" "$1" convert a.png --to png -o - | true; exit \${PIPESTATUS[0]}`
    const { status, stderr } = await shop.start([], {}, ['bash', '-c', script]).finished
    expect({ status, stderr }).toMatchObject({ status: 1 })
    expect(stderr).toContain('Cannot write to standard output.')
    expect(await readTopic(shop.brokerUrl)).toEqual([])
  })
})

describe('a file’s name', () => {
  test.each([
    ['Гавань на закате.png', 'Гавань на закате.webp'],
    ['港口.png', '港口.webp'],
    ['\u{1f469}\u200d\u{1f680}\u{1f3d4}.png', '\u{1f469}\u200d\u{1f680}\u{1f3d4}.webp'],
    ['<script>alert(1)<>.png', '<script>alert(1)<>.webp'],
    ['a\r\nb.png', 'a__b.webp'],
  ])('%j comes out as %j, here and in the event', async (given, made) => {
    const shop = await workshop({ [given]: picture })
    const { status, stdout } = await shop.herald(['convert', given, '--to', 'webp', '--json'])
    expect(status).toBe(0)
    expect(JSON.parse(stdout).renditions[0].name).toBe(made)
    expect(isWebp(await readFile(shop.path(made)))).toBe(true)
    const [told] = await readTopic(shop.brokerUrl)
    expect(told?.event.data).toMatchObject({
      source: { name: given },
      renditions: [{ name: made }],
    })
  })

  test('of 255 bytes gives one of 255, whole characters, unlike that of its twin', async () => {
    const long = (end: string) => `${'ж'.repeat(125)}${end}.png`
    const shop = await workshop({ [long('x')]: picture, [long('y')]: picture })
    const { status, stdout } = await shop.herald(['convert', '.', '-r', '--to', 'webp', '--json'])
    expect(status).toBe(0)
    const names = stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line).renditions[0].name as string)
    expect(new Set(names).size).toBe(2)
    for (const name of names) {
      expect(name).toMatch(/^ж+-[0-9a-f]{8}\.webp$/)
      expect(Buffer.byteLength(name)).toBeGreaterThan(252)
      expect(isWebp(await readFile(shop.path(name)))).toBe(true)
    }
  })
})
