import { FixedText } from '@herald/notifier-service/mail/piece'
import { quotedPrintable } from '@herald/notifier-service/mail/quoted-printable'
import { expect, test } from 'vitest'

/** RFC 2045 §6.7, the other way round. */
function decode(quoted: string): string {
  const bytes = quoted
    .replace(/=\r\n/g, '')
    .replace(/=([0-9A-F]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)))
  return Buffer.from(bytes, 'latin1').toString().replaceAll('\r\n', '\n')
}

const pieces = [
  ...[
    '',
    ' ',
    '\t',
    '\n',
    '.',
    '=',
    '=3D',
    '\u00a0',
    'ö',
    '港口',
    '👩‍👩‍👧‍👦',
    ' \n',
    '\n\n',
    '-- \n',
  ],
  ...['a name.jpg', 'style="color: red" ', 'x'.repeat(75), 'x'.repeat(76), 'y'.repeat(200)],
  ...[`${'ж'.repeat(90)}\n`, `${'word '.repeat(40)}end`, '<td class="line">\n  '],
]

/** As a letter's own, and as a template's. */
const kept = pieces.map((piece) => [piece, new FixedText(piece)] as const)

test('whatever the pieces are, they can be read back, in short lines of ASCII without blanks at their end', () => {
  let seed = 1
  const random = (below: number) => {
    seed = (seed * 48_271) % 2_147_483_647
    return seed % below
  }
  for (let round = 0; round < 2000; round += 1) {
    const text = Array.from({ length: random(12) }, () => {
      const [piece = '', fixed = piece] = kept[random(kept.length)] ?? []
      return random(2) === 0 ? piece : fixed
    })
    const quoted = quotedPrintable(text)
    expect(decode(quoted)).toBe(text.join(''))
    for (const line of quoted.split('\r\n')) {
      expect(line).toMatch(/^[\t -~]*$/)
      expect(line.length).toBeLessThanOrEqual(76)
      expect(line).not.toMatch(/[ \t]$/)
    }
  }
})

test('a character is never broken in two', () => {
  for (let before = 60; before < 80; before += 1) {
    const quoted = quotedPrintable([`${'x'.repeat(before)}港👩`])
    expect(quoted).toContain('=E6=B8=AF')
    expect(quoted).toContain('=F0=9F=91=A9')
  }
})

test('half a character becomes the mark for one that is unknown', () => {
  expect(quotedPrintable(['a\ud83d', '\udc00b'])).toBe('a=EF=BF=BD=EF=BF=BDb')
})

test('a template brings the same as a text of the letter would, first and every time', () => {
  for (const piece of pieces) {
    const fixed = new FixedText(piece)
    const text = ['x'.repeat(70), piece, 'y'.repeat(70)]
    for (const other of [fixed, fixed]) {
      expect(quotedPrintable([text[0] ?? '', other, text[2] ?? ''])).toBe(quotedPrintable(text))
    }
  }
})

test('however much there is of it, nothing is cut off', () => {
  const long = `${'ж'.repeat(50_000)}\n`
  expect(decode(quotedPrintable(['before', new FixedText(long), long]))).toBe(
    `before${long}${long}`,
  )
})
