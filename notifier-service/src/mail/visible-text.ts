/**
 * Text from an event, fit to be shown: what would end a line, turn it around or hide in it is
 * made visible as U+FFFD, and text that runs from right to left keeps to itself.
 */
export function visible(text: string): string {
  // Most of it, and quicker to see than to look through for all the rest.
  if (/^[ -~]*$/.test(text)) return text
  const plain = text.replace(unfit, '\ufffd').normalize('NFC')
  return rightToLeft.test(plain) ? `\u2068${plain}\u2069` : plain
}

/**
 * Control characters, line and paragraph separators, marks that set the direction of writing,
 * invisible ones (zero-width joiners stay: emoji and several scripts need them), halves of pairs.
 */
const unfit =
  /[\p{Cc}\u2028\u2029\u061c\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\u{e0000}-\u{e007f}]|\p{Surrogate}/gu

const rightToLeft =
  /[\p{Script=Arabic}\p{Script=Hebrew}\p{Script=Syriac}\p{Script=Thaana}\p{Script=Nko}]/u

const graphemes = new Intl.Segmenter('en', { granularity: 'grapheme' })

/** `name` in at most `most` characters as a reader counts them: its middle left out, its end kept. */
export function shortened(name: string, most: number): string {
  // No reader counts more characters than there are code units.
  if (name.length <= most) return name
  const letters = Array.from(graphemes.segment(name), ({ segment }) => segment)
  if (letters.length <= most) return name
  const tail = Math.min(12, Math.floor(most / 2))
  return `${letters.slice(0, most - tail - 1).join('')}…${letters.slice(-tail).join('')}`
}
