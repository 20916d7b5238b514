import { change, duration, extent, moment, size } from '@herald/notifier-service/mail/quantities'
import { shortened, visible } from '@herald/notifier-service/mail/visible-text'
import { expect, test } from 'vitest'

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
  [1000, 150, '−85 %'],
  [1000, 1120, '+12 %'],
  [1000, 1001, 'same size'],
  [100_000, 1, '−99 %'],
  [1000, 0, '−100 %'],
  [0, 5, undefined],
])('from %d to %d bytes is %s', (before, after, shown) => {
  expect(change(before, after)).toBe(shown)
})

test('pixels, pages, durations and moments are said as people say them', () => {
  expect(extent({ width: 1600, height: 12_000, pages: 1 })).toBe('1,600 × 12,000 px')
  expect(extent({ width: 10, height: 20, pages: 24 })).toBe('10 × 20 px, 24 pages')
  expect(extent({ width: 0, height: 0, pages: 3 })).toBe('3 pages')
  expect(duration(0.4)).toBe('0 ms')
  expect(duration(999.6)).toBe('1.0 s')
  expect(duration(3210)).toBe('3.2 s')
  expect(duration(125_400)).toBe('2 min 5 s')
  expect(moment(Date.UTC(2026, 2, 4, 9, 5, 7))).toBe('4 March 2026, 09:05:07 UTC')
  expect(moment(Number.MAX_SAFE_INTEGER)).toBe('')
})

test('a name is shortened between letters, never within one', () => {
  expect(shortened('short.png', 20)).toBe('short.png')
  expect(shortened('👩‍👩‍👧‍👦'.repeat(30), 10)).toBe(
    `${'👩‍👩‍👧‍👦'.repeat(4)}…${'👩‍👩‍👧‍👦'.repeat(5)}`,
  )
})

test('what runs from right to left is kept to itself', () => {
  expect(visible('ميناء.jpg')).toBe('\u2068ميناء.jpg\u2069')
  expect(visible('a\u2067b\ud800c')).toBe('a\ufffdb\ufffdc')
})
