import { QuotedPrintable } from '@herald/notifier-service/mail/quoted-printable'
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

test('whatever the pieces are, they can be read back, in short lines of ASCII without blanks at their end', () => {
  const encoder = new QuotedPrintable()
  let seed = 1
  const random = (below: number) => {
    seed = (seed * 48_271) % 2_147_483_647
    return seed % below
  }
  for (let round = 0; round < 2000; round += 1) {
    const text = Array.from({ length: random(12) }, () => pieces[random(pieces.length)] ?? '')
    const quoted = encoder.encode(text)
    expect(decode(quoted)).toBe(text.join(''))
    for (const line of quoted.split('\r\n')) {
      expect(line).toMatch(/^[\t -~]*$/)
      expect(line.length).toBeLessThanOrEqual(76)
      expect(line).not.toMatch(/[ \t]$/)
    }
  }
})

test('a character is never broken in two', () => {
  const encoder = new QuotedPrintable()
  for (let before = 60; before < 80; before += 1) {
    const quoted = encoder.encode([`${'x'.repeat(before)}港👩`])
    expect(quoted).toContain('=E6=B8=AF')
    expect(quoted).toContain('=F0=9F=91=A9')
  }
})

test('what was encoded before does not change what comes after', () => {
  const used = new QuotedPrintable()
  for (let at = 0; at < 5000; at += 1) used.encode([`ö ${at} `])
  const text = ['ö 1 ', 'a=b', '\n', 'ö 4999 ']
  expect(used.encode(text)).toBe(new QuotedPrintable().encode(text))
})
