import { execFileSync, spawnSync } from 'node:child_process'
import { chmod, mkdir, readFile, symlink, writeFile } from 'node:fs/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { gradient } from './pictures.js'
import { type RealConverter, startConverter } from './real-converter.js'
import { type Files, workshopWith } from './workshop.js'

let converter: RealConverter
beforeAll(async () => {
  converter = await startConverter({ HERALD_MAX_BYTES: '1M', HERALD_MAX_PIXELS: '200000' })
})
afterAll(() => converter.close())

const workshop = (files?: Files, address = converter.address) => workshopWith(files, address)

const picture = gradient(8, 8)
// Root may read everything, unless that right is taken from it.
const asOwner =
  process.getuid?.() === 0 ? ['setpriv', '--bounding-set=-dac_override,-dac_read_search'] : []
const hasSetpriv = asOwner.length === 0 || spawnSync('setpriv', ['--version']).status === 0

describe('a file that cannot be converted is an error with exit status 3 and the reason', () => {
  test.each([
    ['an empty file', 'empty.png', '', /empty\.png {2}The file is empty/],
    ['noise', 'note.png', Buffer.alloc(100, 1), /note\.png {2}The format of this file is unknown/],
    ['a PNG of 17 bytes', 'short.png', picture.subarray(0, 17), /short\.png {2}.*damaged/],
    [
      'a PNG cut off',
      'cut.png',
      picture.subarray(0, picture.length - 30),
      /cut\.png {2}.*(cut off|end is missing)/,
    ],
    ['too many pixels', 'vast.png', gradient(500, 500), /vast\.png {2}.*pixel/],
    ['too many bytes', 'heavy.png', Buffer.alloc(1_100_000, 1), /heavy\.png {2}.*(bytes|MiB|MB)/],
  ])('%s', async (_, name, bytes, message) => {
    const shop = await workshop({ [name]: bytes })
    const { status, stdout, stderr } = await shop.herald(['convert', name, '--to', 'webp'])
    expect(stderr).toMatch(message)
    expect(stderr.trimEnd().split('\n').length).toBeGreaterThan(1)
    expect(stderr).not.toMatch(/\bat .*\.js:\d+/)
    expect({ status, stdout }).toEqual({ status: 3, stdout: '' })
    expect(await shop.names()).toEqual([name])
  })

  test('a file that is not there, a folder, a FIFO: even with no converter', async () => {
    const shop = await workshop({}, 'localhost:1')
    await mkdir(shop.path('photos'))
    execFileSync('mkfifo', [shop.path('pipe.png')])
    await symlink('circle.png', shop.path('circle.png'))
    const args = ['nothing.png', 'photos', 'pipe.png', 'circle.png']
    const { status, stderr } = await shop.herald(['convert', ...args, '--to', 'webp'])
    expect(status).toBe(3)
    expect(stderr).toContain('nothing.png  There is no such file.')
    expect(stderr).toContain('photos  This is a folder.')
    expect(stderr).toContain('pipe.png  This is not a regular file.')
    expect(stderr).toContain('circle.png  The link points to itself.')
    expect(stderr).toContain('0 of 4 files converted; 4 failed.')
  })

  test.skipIf(!hasSetpriv)(
    `a file that may not be read${hasSetpriv ? '' : ' (left out: root may read everything, and there is no setpriv)'}`,
    async () => {
      const shop = await workshop({ 'secret.png': picture })
      await chmod(shop.path('secret.png'), 0)
      const args = ['convert', 'secret.png', '--to', 'webp']
      const { status, stderr } = await shop.start(args, {}, asOwner).finished
      expect(stderr).toContain('secret.png  Permission denied.')
      expect(status).toBe(3)
    },
  )

  test('the others are converted, and the first error gives the exit status', async () => {
    const shop = await workshop({ 'a.png': picture, 'b.png': '', 'c.png': picture })
    await writeFile(shop.path('a.webp'), 'mine')
    const run = await shop.herald(['convert', 'b.png', 'a.png', 'c.png', '--to', 'webp'])
    expect(run.status).toBe(3)
    expect(run.stdout).toMatch(/^✓ c\.png/)
    const turned = await shop.herald(['convert', 'a.png', 'b.png', '--to', 'webp'])
    expect(turned.status).toBe(2)
  })
})

describe('an invalid command ends with 2 and prints what is valid', () => {
  test.each([
    [
      'an unknown format',
      ['--to', 'wepb'],
      /"wepb" is not a known format[\s\S]*Did you mean webp\?/,
    ],
    ['a format that is only read', ['--to', 'svg'], /svg can be read but not written/],
    ['a quality out of range', ['--to', 'webp', '--quality', '101'], /from 1 to 100/],
    ['a width that is none', ['--to', 'webp', '--width', '3.5'], /whole number from 1 to 65535/],
    ['a fit that is none', ['--to', 'webp', '--fit', 'squeeze'], /inside, cover, contain/],
    [
      'lossless where it cannot be',
      ['--to', 'jpeg', '--lossless'],
      /lossless cannot be used for jpeg/,
    ],
    ['no target', [], /--to/],
    ['a slip in an option', ['--to', 'webp', '--qualty', '3'], /Did you mean --quality/],
    ['no address', ['--to', 'webp', '--notify', 'ada'], /"ada" is not an e-mail address/],
    ['two addresses in one', ['--to', 'webp', '-n', 'a@example.com,b@example.com'], /one address/],
    [
      'a header in it',
      ['--to', 'webp', '-n', 'a@example.com\r\nBcc: b@x'],
      /\\r\\nBcc: b@x" is not/,
    ],
    ['no language', ['--to', 'webp', '--language', 'x_y'], /"x_y" is not a language/],
    ['a file for a folder', ['--to', 'webp', '-o', 'b.webp'], /b\.webp looks like a file/],
    ['no duration', ['--to', 'webp', '--timeout', '3'], /500ms, 30s/],
  ])('%s', async (_, options, message) => {
    const shop = await workshop({ 'a.png': picture })
    const { status, stdout, stderr } = await shop.herald(['convert', 'a.png', ...options])
    expect(stderr).toMatch(message)
    expect({ status, stdout }).toEqual({ status: 2, stdout: '' })
    expect(await shop.names()).toEqual(['a.png'])
  })

  test('every error of the environment is named at once', async () => {
    const shop = await workshop({ 'a.png': picture })
    const { status, stderr } = await shop.herald(['convert', 'a.png', '--to', 'webp'], {
      HERALD_CONVERTER: 'nowhere',
      HERALD_TOPIC: 'a b',
    })
    expect(status).toBe(2)
    expect(stderr).toContain('Invalid HERALD_CONVERTER "nowhere": expected host:port')
    expect(stderr).toContain('Invalid HERALD_TOPIC "a b":')
  })

  test('a broker with an unknown scheme is refused before anything is converted', async () => {
    const shop = await workshop({ 'a.png': picture })
    const { status, stderr } = await shop.herald(['convert', 'a.png', '--to', 'webp'], {
      HERALD_BROKER: 'carrier-pigeon://loft',
    })
    expect(stderr).toContain('HERALD_BROKER: Unknown broker scheme "carrier-pigeon:"')
    expect(status).toBe(2)
    expect(await shop.names()).toEqual(['a.png'])
  })
})

describe('nothing is overwritten unasked', () => {
  test('a name that is taken is refused, and the file stays; --force replaces it', async () => {
    const shop = await workshop({ 'a.png': picture, 'a.webp': 'mine' })
    const refused = await shop.herald(['convert', 'a.png', '--to', 'webp'])
    expect(refused.status).toBe(2)
    expect(refused.stderr).toMatch(/a\.webp already exists\.[\s\S]*--force/)
    expect(await readFile(shop.path('a.webp'), 'utf8')).toBe('mine')

    const forced = await shop.herald(['convert', 'a.png', '--to', 'webp', '--force'])
    expect(forced.status).toBe(0)
    expect((await readFile(shop.path('a.webp'))).subarray(8, 12).toString()).toBe('WEBP')
  })

  test('a file does not become itself', async () => {
    const shop = await workshop({ 'a.png': picture })
    const { status, stderr } = await shop.herald(['convert', 'a.png', '--to', 'png'])
    expect(status).toBe(2)
    expect(stderr).toContain('a.png would replace itself.')
    expect(await readFile(shop.path('a.png'))).toEqual(picture)
  })

  test('a dangling link counts as existing, a folder also with --force', async () => {
    const shop = await workshop({ 'a.png': picture, 'b.png': picture })
    await symlink('gone', shop.path('a.webp'))
    await mkdir(shop.path('b.webp'))
    const args = ['convert', 'a.png', '--to', 'webp']
    expect((await shop.herald(args)).stderr).toContain('a.webp already exists.')
    const { status, stderr } = await shop.herald(['convert', 'b.png', '--to', 'webp', '--force'])
    expect(stderr).toContain('b.webp is a folder.')
    expect(status).toBe(2)
  })

  test('two inputs that would get one name are refused before any upload', async () => {
    const shop = await workshop({ 'a.png': picture, 'a.jpg': picture, 'b.png': picture })
    const { status, stderr } = await shop.herald([
      ...['convert', 'b.png', 'a.png', 'a.jpg', '--to', 'webp'],
    ])
    expect(status).toBe(2)
    expect(stderr).toMatch(/a\.png and a\.jpg would both become .*a\.webp/)
    expect(await shop.names()).toEqual(['a.jpg', 'a.png', 'b.png'])
  })
})

test('a folder that takes no file ends with 1 and its reason', async () => {
  const shop = await workshop({ 'a.png': picture, file: '' })
  const { status, stderr } = await shop.herald([
    ...['convert', 'a.png', '--to', 'webp', '--out', 'file/made'],
  ])
  expect(stderr).toMatch(/Cannot write to .*file\/made: it is not a folder\./)
  expect(status).toBe(1)
})

test('a conversion that takes longer than --timeout ends with 4 and leaves nothing', async () => {
  const shop = await workshop({ 'a.png': gradient(600, 300) })
  const args = ['convert', 'a.png', '--to', 'avif', '--lossless', '--timeout', '20ms']
  const { status, stderr } = await shop.herald(args)
  expect(stderr).toContain('longer than 20 ms, the limit of --timeout')
  expect(status).toBe(4)
  expect(await shop.names()).toEqual(['a.png'])
})
