import { expect, test } from 'vitest'
import { loadTemplates } from '#src/mail/templates'
import { shortened, visible } from '#src/mail/visible-text'

const { wordings } = loadTemplates(undefined)
const as = (language: string) => {
  const wording = wordings.get(language)
  if (!wording) throw new Error(`no ${language}`)
  return wording
}
const { size, change, extent, duration, moment } = as('en').quantities

test.each([
  [0, '0 bytes'],
  [1, '1 byte'],
  [999, '999 bytes'],
  [1000, '1 kB'],
  [1234, '1.2 kB'],
  [9949, '9.9 kB'],
  [9960, '10 kB'],
  [12_345, '12.3 kB'],
  [184_320, '184 kB'],
  [999_499, '999 kB'],
  [999_500, '1 MB'],
  [1_230_456, '1.2 MB'],
  [52_000_000_000, '52 GB'],
])('%d bytes are %s', (bytes, shown) => {
  expect(size(bytes)).toBe(shown)
})

test.each([
  [1000, 150, '−85%', '85% smaller', 15],
  [1000, 1120, '+12%', '12% larger', 100],
  [1000, 1001, '±0', 'same size', 100],
  [100_000, 1, '−99%', '99% smaller', 1],
  [1000, 0, '−100%', '100% smaller', 1],
])('from %d to %d bytes is %s, %s', (before, after, percent, words, left) => {
  expect(change(before, after)).toMatchObject({ percent, words, left })
})

test('pixels, pages, durations and moments are written as people write them', () => {
  const at = { width: 1600, height: 12_000, pages: 1, mediaType: 'image/png' }
  expect(change(0, 5)).toBeUndefined()
  expect(extent(at)).toEqual(['1600 × 12,000 px'])
  expect(extent({ ...at, pages: 24, mediaType: 'image/gif' })).toEqual([
    '1600 × 12,000 px',
    '24 frames',
  ])
  expect(extent({ ...at, width: 0, pages: 3, mediaType: 'application/pdf' })).toEqual(['3 pages'])
  expect(duration(0.4)).toBe('0 ms')
  expect(duration(999.6)).toBe('1.0 s')
  expect(duration(3210)).toBe('3.2 s')
  expect(duration(125_400)).toBe('2 mins 5 s')
  expect(moment(Date.UTC(2026, 2, 4, 0, 5, 7))).toBe('4 March 2026 at 00:05:07 UTC')
  expect(moment(Number.MAX_SAFE_INTEGER)).toBe('')
})

test('in Russian and in Chinese they are written as in those languages', () => {
  const { quantities: ru } = as('ru')
  expect(ru.size(1_230_456)).toBe('1,2 МБ')
  expect(ru.change(1000, 150)?.percent).toBe('−85\u00a0%')
  expect(ru.change(1000, 150)?.words).toBe('на 85\u00a0% меньше')
  expect(ru.moment(Date.UTC(2026, 2, 4, 9, 5, 7))).toBe('4 марта 2026 г. в 09:05:07 UTC')
  const { quantities: zh } = as('zh')
  expect(zh.size(999)).toBe('999字节')
  expect(zh.change(1000, 150)?.words).toBe('减小 85%')
  expect(zh.extent({ width: 10, height: 20, pages: 2, mediaType: 'image/tiff' })).toEqual([
    '10 × 20 像素',
    '2 页',
  ])
})

test.each([
  [1, 'Готов 1 файл'],
  [3, 'Готовы 3 файла'],
  [5, 'Готово 5 файлов'],
  [11, 'Готово 11 файлов'],
  [22, 'Готовы 22 файла'],
  [101, 'Готов 101 файл'],
])('%d files take their plural form in Russian', (n, said) => {
  expect(as('ru').phrases.count('digestReady', n)).toBe(said)
})

test('a value is inserted unchanged, with braces of its own', () => {
  const { text } = as('en').phrases
  expect(text('convertedSubject', { name: '{brief} $& $1', brief: 'x' })).toBe(
    '{brief} $& $1 is ready: x',
  )
})

test('a name is never shortened within a character', () => {
  expect(shortened('short.png', 20)).toBe('short.png')
  expect(shortened('👩‍👩‍👧‍👦'.repeat(30), 10)).toBe(
    `${'👩‍👩‍👧‍👦'.repeat(4)}…${'👩‍👩‍👧‍👦'.repeat(5)}`,
  )
})

test('right-to-left text is isolated', () => {
  expect(visible('ميناء.jpg', 80)).toBe('\u2068ميناء.jpg\u2069')
  expect(visible('a\u2067b\ud800c', 80)).toBe('a\ufffdb\ufffdc')
})
