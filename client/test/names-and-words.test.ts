import { isPageName, outputNames, pageName } from '@herald/runtime/output-name'
import {
  columns,
  escapeControls,
  humanBytes,
  humanChange,
  humanDuration,
  jsonLine,
} from '@herald/runtime/terminal-text'
import { describe, expect, test, vi } from 'vitest'
import { readLanguage, readRecipients } from '#src/recipients'
import { fileNameOf, readFields } from '#src/web/form-fields'

describe('the name of an uploaded file', () => {
  const nameOf = (name: string) => fileNameOf(readFields({ to: 'webp' }), name)

  test.each([
    ['harbour.jpg', 'harbour.jpg'],
    ['', 'file'],
    ['C:\\pictures\\harbour.jpg', 'harbour.jpg'],
    ['half \ud83d of a pair', 'half \ufffd of a pair'],
    ['a'.repeat(1025), 'a'.repeat(1024)],
    [`a${'ö'.repeat(5000)}`, `a${'ö'.repeat(511)}`],
    [`${'a'.repeat(1021)}\u{1f680}`, 'a'.repeat(1021)],
    ['\u{1f680}'.repeat(5000), '\u{1f680}'.repeat(256)],
  ])('%.20s is at most 1,024 bytes, cut between characters', (given, kept) => {
    expect(nameOf(given)).toBe(kept)
  })

  test('the work of cutting does not grow with the name', () => {
    const measured = vi.spyOn(Buffer, 'byteLength')
    nameOf('ö'.repeat(16_000))
    expect(measured.mock.calls.length).toBeLessThan(10)
    measured.mockRestore()
  })
})

describe('the name of a rendition', () => {
  test.each([
    ['harbour.jpg', ['webp'], ['harbour.webp']],
    ['archive.tar.gz', ['webp'], ['archive.tar.webp']],
    ['no-extension', ['webp'], ['no-extension.webp']],
    ['.png', ['webp'], ['.png.webp']],
    ['a.png', ['webp', 'webp', 'jpg', 'webp'], ['a.webp', 'a-2.webp', 'a.jpg', 'a-3.webp']],
    ['\u202egpj.exe\r\n.png', ['webp'], ['_gpj.exe__.webp']],
    ['back\\slash.png', ['webp'], ['back_slash.webp']],
    ['...png', ['webp'], ['file.webp']],
    ['काफ़ी \u{1f469}\u200d\u{1f680}.png', ['webp'], ['काफ़ी \u{1f469}\u200d\u{1f680}.webp']],
  ])('of %j as %j', (source, extensions, names) => {
    expect(outputNames(source, extensions)).toEqual(names)
  })

  test('never takes more bytes than a file system allows, and is cut between characters', () => {
    const [first, second] = outputNames(`${'é'.repeat(124)}.jpeg`, ['webp', 'webp'])
    expect(Buffer.byteLength(first as string)).toBeLessThanOrEqual(255)
    expect(second).toBe(`${'é'.repeat(124)}-2.webp`)
    const [long] = outputNames(`${'\u{1f3d4}'.repeat(70)}.jpg`, ['webp'])
    expect(long).toMatch(/^\u{1f3d4}{60}-[0-9a-f]{8}\.webp$/u)
    const [family] = outputNames(`${'\u{1f469}\u200d\u{1f680}'.repeat(30)}.jpg`, ['webp'])
    expect(family).toMatch(/^(\u{1f469}\u200d\u{1f680}){21}-[0-9a-f]{8}\.webp$/u)
  })

  test('of two long names that differ at their ends alone is not the same', () => {
    const long = (end: string) => outputNames(`${'a'.repeat(250)}${end}.jpg`, ['webp'])[0] as string
    expect(long('x')).not.toBe(long('y'))
    expect([long('x'), long('y')].map((name) => Buffer.byteLength(name))).toEqual([255, 255])
  })

  test('of a page sorts like the pages, and is recognised', () => {
    expect([pageName('a.webp', 1, 1), pageName('a.webp', 9, 10)]).toEqual([
      'a-page-1.webp',
      'a-page-09.webp',
    ])
    const names = Array.from({ length: 100 }, (_, index) => pageName('a-2.webp', index + 1, 100))
    expect([names[0], names[99]]).toEqual(['a-2-page-001.webp', 'a-2-page-100.webp'])
    expect(names.toSorted()).toEqual(names)
    expect(names.every((name) => isPageName(name, 'a-2.webp'))).toBe(true)
    const long = `${'é'.repeat(125)}.webp`
    expect(Buffer.byteLength(pageName(long, 7, 12))).toBeLessThanOrEqual(255)
    expect(isPageName(pageName(long, 7, 12), long)).toBe(true)
    for (const other of [
      'a.webp',
      'a-page-1.jpg',
      'b-page-1.webp',
      'a-page-.webp',
      'a-page-1.web',
    ]) {
      expect(isPageName(other, 'a.webp'), other).toBe(false)
    }
  })
})

describe('an address', () => {
  test.each([
    'ada@example.com',
    'ada@localhost',
    "o'neill+tag@sub.example.com",
    'zoë@bücher.example',
    '用户@例子.广告',
  ])('%s is one', (address) => {
    expect(readRecipients([address])).toEqual([address])
  })

  test.each([
    '',
    'ada',
    '@example.com',
    'ada@',
    'a da@example.com',
    'ada@exam ple.com',
    'ada@example..com',
    '.ada@example.com',
    'ada.@example.com',
    'a..da@example.com',
    'ada@-example.com',
    'Ada <ada@example.com>',
    'ada@example.com,bob@example.com',
    'ada@example.com\n',
    'ada@example.com\r\nBcc: eve@example.com',
    'ada@exam\u202eple.com',
    'ada@example.com:25',
    'ada%40@exa%6dple.com',
    'a@b@example.com',
    `${'a'.repeat(65)}@example.com`,
    `ada@${'a'.repeat(64)}.com`,
    `ada@${'abc.'.repeat(64)}com`,
  ])('%j is none', (address) => {
    expect(() => readRecipients([address])).toThrow(/is not an e-mail address/)
  })

  test('is used once if it is repeated; the part before the @ keeps its case', () => {
    expect(readRecipients(['Ada@example.com', 'Ada@EXAMPLE.com', 'ada@example.com'])).toEqual([
      'Ada@example.com',
      'ada@example.com',
    ])
  })
})

test('a language is brought into its canonical form', () => {
  expect(readLanguage('')).toBe('')
  expect(readLanguage('pt-br')).toBe('pt-BR')
  expect(() => readLanguage('klingon_x')).toThrow(/is not a language/)
})

describe('words for people', () => {
  test.each([
    ['plain', 'plain'],
    ['a\r\nb\tc', 'a\\r\\nb\\tc'],
    ['\u001b[2J\u009b', '\\x1b[2J\\x9b'],
    ['\u202eevil\u2066\u2028', '\\u{202e}evil\\u{2066}\\u{2028}'],
    ['\u{e0041}', '\\u{e0041}'],
    ['\u{1f469}\u200d\u{1f680} é', '\u{1f469}\u200d\u{1f680} é'],
  ])('%j is shown as %j', (text, expected) => {
    expect(escapeControls(text)).toBe(expected)
  })

  test('JSON holds no character that a terminal acts on, and means the same', () => {
    const value = { name: '\u001b\u007f\u009b\u202e\u{e0041}\n' }
    expect(jsonLine(value)).toMatch(/^[^\p{Cc}\p{Cf}]*$/u)
    expect(JSON.parse(jsonLine(value))).toEqual(value)
  })

  test.each([
    [0, '0 B'],
    [999, '999 B'],
    [1000, '1.0 kB'],
    [9_960, '10 kB'],
    [183_600, '184 kB'],
    [999_700, '1.0 MB'],
    [1_240_000, '1.2 MB'],
  ])('%i bytes are %s', (bytes, expected) => {
    expect(humanBytes(bytes)).toBe(expected)
  })

  test.each([
    [412.3, '412 ms'],
    [1_300, '1.3 s'],
    [30_000, '30 s'],
    [125_000, '2 min 5 s'],
    [3 * 3_600_000, '3 h'],
    [72 * 3_600_000, '3 d'],
  ])('%d ms are %s', (milliseconds, expected) => {
    expect(humanDuration(milliseconds)).toBe(expected)
  })

  test.each([
    [100, 15, '−85 %'],
    [100, 112, '+12 %'],
    [100, 100, '±0 %'],
    // Only an empty file is 100 % smaller.
    [18_000_000, 42_000, '−99 %'],
    [100, 0, '−100 %'],
    [100, 1099, '+999 %'],
    [58, 127_069, '×2191'],
  ])('a change from %d to %d bytes is %s', (from, to, expected) => {
    expect(humanChange(from, to)).toBe(expected)
  })

  test('wide and combining characters are counted as a terminal does', () => {
    expect([columns('abc'), columns('港口'), columns('e\u0301')]).toEqual([3, 4, 1])
  })
})
