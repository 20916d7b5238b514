import type { Phrases } from './phrases.js'

/** Amounts as the readers of one language write them. */
export interface Quantities {
  /** Bytes for people: `1.2 MB`, `12.3 MB`, `184 kB`, 1 kB being 1,000 bytes. */
  size(bytes: number): string
  /** How much smaller than before, undefined when there was nothing before. */
  change(before: number, after: number): Change | undefined
  /** `1600 × 1200 px`, then pages or frames where there are several; what is not known is left out. */
  extent(file: Extent): readonly string[]
  /** Milliseconds for people: `412ms`, `3.2s`, `2m 5s`. */
  duration(ms: number): string
  /** `14 March 2026 at 09:05:07 UTC`; empty where it is no time. The reader's own zone is not known. */
  moment(unixMs: number): string
  list(parts: readonly string[]): string
}

export interface Change {
  /** `−85%`. */
  readonly percent: string
  /** `85% smaller`. */
  readonly words: string
  readonly smaller: boolean
  /** What is left, in whole hundredths of before: 1 to 99 where it is smaller, else 100. */
  readonly left: number
}

export interface Extent {
  readonly width: number
  readonly height: number
  readonly pages: number
  readonly mediaType: string
}

const units = ['byte', 'kilobyte', 'megabyte', 'gigabyte', 'terabyte']

export function createQuantities(phrases: Phrases): Quantities {
  const { locale, say, count } = phrases
  // Making one takes longer than all the rest of a letter.
  const made = new Map<string, Intl.NumberFormat>()
  const format = (
    value: number,
    kind: string,
    options: () => Intl.NumberFormatOptions = () => ({}),
  ) => {
    const formatter = made.get(kind) ?? new Intl.NumberFormat(locale, options())
    made.set(kind, formatter)
    return formatter.format(value).replace('-', '−')
  }
  const lists = new Intl.ListFormat(locale, { type: 'conjunction' })
  const moments = new Intl.DateTimeFormat(locale, {
    ...{ day: 'numeric', month: 'long', year: 'numeric' },
    ...{ hour: '2-digit', minute: '2-digit', second: '2-digit', hourCycle: 'h23' },
    ...{ timeZone: 'UTC', timeZoneName: 'short' },
  })
  const unit = (value: number, name: string, digits = 0) =>
    format(value, `${name} ${digits}`, () => ({
      style: 'unit',
      unit: name,
      unitDisplay: 'narrow',
      minimumFractionDigits: digits,
      maximumFractionDigits: digits,
    }))

  return {
    size(bytes) {
      let value = bytes
      let step = 0
      // What would be rounded to 1,000 is one of the next unit.
      for (; value >= 999.5 && step < units.length - 1; step += 1) value /= 1000
      const name = units[step] ?? 'byte'
      const digits = value >= 99.95 || step === 0 ? 0 : 1
      return format(step === 0 ? bytes : value, `size in ${name} ${digits}`, () => ({
        style: 'unit',
        unit: name,
        unitDisplay: step === 0 ? 'long' : 'short',
        maximumFractionDigits: digits,
      }))
    },
    change(before, after) {
      if (before <= 0) return undefined
      const rounded = Math.round(((after - before) / before) * 100)
      // Almost nothing is not nothing, and almost all is not all.
      const shown = after > 0 && rounded === -100 ? -99 : rounded
      const percent = format(shown / 100, 'change', () => ({
        style: 'percent',
        signDisplay: 'exceptZero',
      }))
      if (shown === 0) return { percent: '±0', words: say('sameSize'), smaller: false, left: 100 }
      const words = say(shown < 0 ? 'smaller' : 'larger', {
        percent: format(Math.abs(shown) / 100, 'percent', () => ({ style: 'percent' })),
      })
      const left = shown < 0 ? Math.max(1, 100 + shown) : 100
      return { percent, words, smaller: shown < 0, left }
    },
    extent({ width, height, pages, mediaType }) {
      // Four figures stand together, as pixels are written everywhere.
      const side = (pixels: number) => format(pixels, 'side', () => ({ useGrouping: 'min2' }))
      const pixels = { width: side(width), height: side(height) }
      const moves = /^image\/(gif|webp|a?png|avif)/.test(mediaType)
      return [
        ...(width > 0 && height > 0 ? [say('pixels', pixels)] : []),
        ...(pages > 1 ? [count(moves ? 'frames' : 'pages', pages)] : []),
      ]
    },
    duration(ms) {
      if (ms < 999.5) return unit(Math.round(ms), 'millisecond')
      if (ms < 59_950) return unit(ms / 1000, 'second', 1)
      const seconds = Math.round(ms / 1000)
      return `${unit(Math.floor(seconds / 60), 'minute')} ${unit(seconds % 60, 'second')}`
    },
    moment(unixMs) {
      const at = new Date(unixMs)
      if (unixMs <= 0 || Number.isNaN(at.getTime())) return ''
      return moments.format(at)
    },
    list: (parts) => lists.format(parts),
  }
}
