/**
 * Text from an event, made safe to show, in at most `max` characters as a reader counts them: the
 * middle of a longer text is left out. Characters that would end a line, change its direction or
 * be invisible become U+FFFD; right-to-left text is isolated. The time it takes is bounded: a text
 * is cut before anything else is done to it.
 */
export function visible(text: string, max: number): string {
  const cut = cutMiddle(text, max * unitsPerCharacter)
  // Most texts, and a quicker check than those below.
  if (/^[ -~]*$/.test(cut)) return shortened(cut, max)
  // Normalizing sorts marks in a row, in a time that grows with the square of their number.
  const plain = cut.replace(unsafe, '\ufffd').replace(manyMarks, '$1').normalize('NFC')
  return shortened(rightToLeft.test(plain) ? `\u2068${plain}\u2069` : plain, max)
}

/** A family as an emoji has eleven code units, the flag of Scotland fourteen. */
const unitsPerCharacter = 16

/** As many combining marks on one character as Unicode's Stream-Safe Text Format allows (UAX #15, section 13). */
const manyMarks = /(\p{M}{30})\p{M}+/gu

/**
 * Control characters, line and paragraph separators, marks that set the direction of writing,
 * invisible ones (zero-width joiners stay: emoji and several scripts need them), halves of pairs.
 */
const unsafe =
  /[\p{Cc}\u2028\u2029\u061c\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\u{e0000}-\u{e007f}]|\p{Surrogate}/gu

const rightToLeft =
  /[\p{Script=Arabic}\p{Script=Hebrew}\p{Script=Syriac}\p{Script=Thaana}\p{Script=Nko}]/u

const graphemes = new Intl.Segmenter('en', { granularity: 'grapheme' })

/**
 * `name` in at most `max` characters as a reader counts them: its middle left out, its end kept.
 * For what `visible` returned: it is segmented up to its `max`-th character, however long that is.
 */
export function shortened(name: string, max: number): string {
  // No reader counts more characters than there are code units.
  if (name.length <= max) return name
  const tail = Math.min(12, Math.floor(max / 2))
  let headEnd = 0
  let count = 0
  for (const { index } of graphemes.segment(name)) {
    if (count === max - tail - 1) headEnd = index
    count += 1
    if (count > max) break
  }
  if (count <= max) return name
  const end = graphemes.segment(name.slice(-tail * unitsPerCharacter))
  const last = Array.from(end, ({ segment }) => segment).slice(-tail)
  return `${name.slice(0, headEnd)}…${last.join('')}`
}

/** The text in about `maxUnits` code units: its middle left out. */
function cutMiddle(text: string, maxUnits: number): string {
  if (text.length <= maxUnits) return text
  const tail = Math.floor(maxUnits / 4)
  return `${text.slice(0, maxUnits - tail)}…${text.slice(-tail)}`
}

/** The URL if it is of http or https and can stand in a mail, else an empty text. */
export function webLink(url: string | undefined): string {
  if (url === undefined || url.length > 2000 || !URL.canParse(url)) return ''
  const { protocol, href } = new URL(url)
  // As parsed, it contains no space, quote or control character.
  return protocol === 'http:' || protocol === 'https:' ? href : ''
}
