import { memoize } from './memoize.js'
import type { Phrases } from './phrases.js'

/** Amounts as the readers of one language write them. */
export interface Quantities {
  /** Bytes for people: `1.2 MB`, `12.3 MB`, `184 kB`, 1 kB being 1,000 bytes. */
  size(bytes: number): string
  /** How much smaller than before; undefined if `before` is 0. */
  change(before: number, after: number): Change | undefined
  /** `1600 × 1200 px`, then pages or frames if there are several; unknown values are omitted. */
  extent(file: Extent): readonly string[]
  /** Milliseconds for people: `412 ms`, `3.2 s`, `2 mins 5 s`. */
  duration(ms: number): string
  /** `14 March 2026 at 09:05:07 UTC`; empty if it is not a time. The reader's time zone is not known. */
  moment(unixMs: number): string
  list(parts: readonly string[]): string
}

export interface Change {
  /** `−85%`. */
  readonly percent: string
  /** `85% smaller`. */
  readonly words: string
  readonly smaller: boolean
  /** The size after in whole percent of the size before: 1 to 99 if it is smaller, else 100. */
  readonly left: number
}

export interface Extent {
  readonly width: number
  readonly height: number
  readonly pages: number
  readonly mediaType: string
}

interface Fractions {
  readonly minimumFractionDigits?: number
  readonly maximumFractionDigits: number
}

export function createQuantities(phrases: Phrases): Quantities {
  const { locale, text, count } = phrases
  const amounts = (options: Intl.NumberFormatOptions) => {
    // Creating one takes longer than rendering a mail.
    let formatter: Intl.NumberFormat | undefined
    return memoize((value: number) => {
      formatter ??= new Intl.NumberFormat(locale, options)
      return formatter.format(value).replace('-', '−')
    })
  }
  /** Rounded before it is memoized: there are few different rounded values. */
  const unit = (name: string, unitDisplay: 'long' | 'short' | 'narrow', digits: Fractions) => {
    const format = amounts({ style: 'unit', unit: name, unitDisplay, ...digits })
    const scale = 10 ** digits.maximumFractionDigits
    return (value: number) => format(Math.round(value * scale) / scale)
  }
  const whole = { maximumFractionDigits: 0 }
  const bytesIn = unit('byte', 'long', whole)
  const sizesIn = (name: string) => ({
    whole: unit(name, 'short', whole),
    tenths: unit(name, 'short', { maximumFractionDigits: 1 }),
  })
  const kilobytes = sizesIn('kilobyte')
  const larger = [kilobytes, sizesIn('megabyte'), sizesIn('gigabyte'), sizesIn('terabyte')]
  // 1600, not 1,600: as pixels are usually written.
  const side = amounts({ useGrouping: 'min2' })
  const signed = amounts({ style: 'percent', signDisplay: 'exceptZero' })
  const percentOf = amounts({ style: 'percent' })
  /** `412 ms`, not `412ms` as English has it. */
  const spaced = (name: string, digits: 0 | 1 = 0) => {
    const fractions = { minimumFractionDigits: digits, maximumFractionDigits: digits }
    const format = unit(name, 'narrow', fractions)
    return (value: number) => format(value).replace(/(?<=\d)(?=[a-z])/, ' ')
  }
  const milliseconds = spaced('millisecond')
  const tenths = spaced('second', 1)
  const seconds = spaced('second')
  const minutes = unit('minute', 'short', whole)
  const conjunction = new Intl.ListFormat(locale, { type: 'conjunction' })
  const moments = new Intl.DateTimeFormat(locale, {
    ...{ day: 'numeric', month: 'long', year: 'numeric' },
    ...{ hour: '2-digit', minute: '2-digit', second: '2-digit', hourCycle: 'h23' },
    ...{ timeZone: 'UTC', timeZoneName: 'short' },
  })
  const momentOf = memoize((unixSeconds: number) => moments.format(unixSeconds * 1000))

  return {
    size(bytes) {
      if (bytes < 999.5) return bytesIn(bytes)
      let value = bytes / 1000
      let step = 0
      // What would be rounded to 1,000 is 1 of the next unit.
      for (; value >= 999.5 && step < larger.length - 1; step += 1) value /= 1000
      const { whole, tenths } = larger[step] ?? kilobytes
      return value >= 99.95 ? whole(value) : tenths(value)
    },
    change(before, after) {
      if (before <= 0) return undefined
      const rounded = Math.round(((after - before) / before) * 100)
      // Only an empty file is 100 % smaller.
      const shown = after > 0 && rounded === -100 ? -99 : rounded
      if (shown === 0) return { percent: '±0', words: text('sameSize'), smaller: false, left: 100 }
      const percent = percentOf(Math.abs(shown) / 100)
      const left = shown < 0 ? Math.max(1, 100 + shown) : 100
      return {
        percent: signed(shown / 100),
        words: text(shown < 0 ? 'smaller' : 'larger', { percent }),
        smaller: shown < 0,
        left,
      }
    },
    extent({ width, height, pages, mediaType }) {
      const isAnimated = /^image\/(gif|webp|a?png|avif)/.test(mediaType)
      return [
        ...(width > 0 && height > 0
          ? [text('pixels', { width: side(width), height: side(height) })]
          : []),
        ...(pages > 1 ? [count(isAnimated ? 'frames' : 'pages', pages)] : []),
      ]
    },
    duration(ms) {
      if (ms < 999.5) return milliseconds(ms)
      if (ms < 59_950) return tenths(ms / 1000)
      const rounded = Math.round(ms / 1000)
      return `${minutes(Math.floor(rounded / 60))} ${seconds(rounded % 60)}`
    },
    moment(unixMs) {
      const at = new Date(unixMs)
      if (unixMs <= 0 || Number.isNaN(at.getTime())) return ''
      return momentOf(Math.floor(unixMs / 1000))
    },
    list: (parts) => conjunction.format(parts),
  }
}
