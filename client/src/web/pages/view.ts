import { bytesText } from '../shared/bytes-text.js'
import { type Words, wordsOf } from '../words.js'
import { type Html, html } from './html.js'

/** What all pages need, for one visitor's language. */
export interface View {
  readonly words: Words
  readonly quantities: Quantities
  /** Addresses of the page's own files, by name. */
  readonly asset: (name: string) => string
  /** How long results are kept, in milliseconds. */
  readonly keepMs: number
  /** As Records.now. */
  readonly now: () => number
}

export function viewFor(language: string, rest: Pick<View, 'asset' | 'keepMs' | 'now'>): View {
  return { words: wordsOf(language), quantities: quantitiesIn(language), ...rest }
}

/** How far the time of a record that is changed now may be behind `View.now`. */
const maxClockLeadMs = 2_000

/** From when on a page that is rendered now wants changes, by the records' times. */
export const changesSince = ({ now }: View) => now() - maxClockLeadMs

/** Sizes, times and shares as people of a language write them. */
export function quantitiesIn(language: string) {
  return {
    bytes: (count: number) => bytesText(count, language),
    /** `30 seconds`, `5 minutes`, `24 hours`, `3 days`. */
    duration(milliseconds: number): string {
      const steps = [
        ['second', 1000, 60],
        ['minute', 60_000, 90],
        ['hour', 3_600_000, 48.1],
      ] as const
      const [name, size] = steps.find(([, size, most]) => milliseconds < size * most) ?? [
        'day',
        86_400_000,
      ]
      return new Intl.NumberFormat(language, {
        style: 'unit',
        unit: name,
        unitDisplay: 'long',
        maximumFractionDigits: 0,
      }).format(Math.max(1, milliseconds / size))
    },
    percent: (share: number) =>
      new Intl.NumberFormat(language, { style: 'percent', maximumFractionDigits: 0 }).format(share),
    list: (items: readonly string[]) =>
      new Intl.ListFormat(language, { type: 'conjunction' }).format(items),
    /** `28 November at 14:03 UTC`: in the server's time zone; the page's script changes it to the visitor's. */
    time(unixMs: number): Html {
      const text = new Intl.DateTimeFormat(language === 'en' ? 'en-GB' : language, {
        day: 'numeric',
        month: 'long',
        hour: '2-digit',
        minute: '2-digit',
        timeZoneName: 'short',
      }).format(unixMs)
      return html`<time datetime="${new Date(unixMs).toISOString()}">${text}</time>`
    },
  }
}

export type Quantities = ReturnType<typeof quantitiesIn>

const names: Readonly<Record<string, string>> = { webp: 'WebP', jpeg: 'JPEG', svg: 'SVG' }

/** A format as people write it. */
export const formatName = (name: string) => names[name] ?? name.toUpperCase()
