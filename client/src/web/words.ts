import { en } from './words/en.js'
import { ru } from './words/ru.js'
import { zh } from './words/zh.js'

/** Everything the page says, in one language. `{…}` stands for what is put in. */
export interface Words {
  readonly language: string
  readonly title: string
  readonly lead: string
  /** The same where the page may send e-mail. */
  readonly leadMail: string
  readonly skip: string
  readonly files: string
  readonly drop: string
  readonly dropMore: string
  readonly choose: string
  /** Where there is nothing to drop with. */
  readonly pick: string
  readonly privacy: string
  readonly format: string
  readonly width: string
  readonly height: string
  readonly quality: string
  readonly asItIs: string
  readonly usual: string
  readonly more: string
  readonly lossless: string
  readonly exif: string
  readonly pages: string
  readonly notify: string
  readonly notifyHint: string
  readonly onlyDomains: string
  readonly notTold: string
  readonly convert: string
  readonly needsFile: string
  readonly yours: string
  readonly none: string
  readonly downloadAll: string
  readonly download: string
  readonly details: string
  readonly remove: string
  readonly removeLong: string
  readonly again: string
  readonly stages: {
    readonly uploading: string
    readonly waiting: string
    readonly converting: string
    readonly saving: string
  }
  readonly failed: string
  readonly ready: string
  readonly source: string
  readonly result: string
  readonly saved: string
  readonly larger: string
  readonly stripped: string
  readonly strippedWords: Readonly<Record<string, string>>
  readonly expires: string
  readonly told: string
  readonly steps: {
    readonly announced: string
    readonly queued: string
    readonly mailed: string
    readonly givenUp: string
    readonly uncertain: string
  }
  readonly stepsLong: {
    readonly announced: string
    readonly queued: string
    readonly waitsForBroker: string
    readonly waitsForMail: string
  }
  readonly run: string
  readonly pixels: string
  readonly pageCount: string
  readonly back: string
  readonly gone: string
  readonly goneHint: string
  readonly wrong: string
  readonly converterAway: string
  /** What a fault means, by its code; where there is none, its own sentence is shown. */
  readonly faults: Readonly<Record<string, string>>
  /** What the page's program says. */
  readonly live: {
    readonly before: string
    readonly after: string
    readonly about: string
    readonly comparing: string
    readonly noPreview: string
    readonly estimate: string
    readonly takeOut: string
    readonly preview: string
    readonly dropped: string
    readonly lost: string
    readonly cancel: string
    readonly one: string
    readonly many: string
  }
}

const all: Readonly<Record<string, Words>> = { en, ru, zh }

export const languages = Object.keys(all)

/** The words of that language; English where there are none. */
export const wordsOf = (language: string): Words => all[language] ?? en

/** The text with `{name}` replaced by what stands under that name. */
export function filled(text: string, values: Readonly<Record<string, string | number>>): string {
  return text.replace(/\{(\w+)\}/g, (whole, name) => String(values[name] ?? whole))
}
