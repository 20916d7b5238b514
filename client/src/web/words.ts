import { en } from './words/en.js'
import { ru } from './words/ru.js'
import { zh } from './words/zh.js'

/** Every text of the page in one language; `{…}` is replaced. */
export interface Words {
  readonly language: string
  readonly title: string
  readonly lead: string
  /** The same where the page may send e-mail. */
  readonly leadMail: string
  readonly drop: string
  readonly dropMore: string
  readonly choose: string
  /** For touch screens, where nothing can be dropped. */
  readonly pick: string
  readonly privacy: string
  readonly format: string
  /** In the empty field of an option. */
  readonly auto: string
  readonly more: string
  readonly notify: string
  readonly notifyHint: string
  readonly onlyDomains: string
  /** For an address at a domain that gets no e-mail from here. */
  readonly notAllowed: string
  readonly tooMany: string
  /** For what another site's page sent. */
  readonly otherSite: string
  readonly convert: string
  readonly needsFile: string
  readonly yours: string
  readonly none: string
  readonly downloadAll: string
  readonly download: string
  readonly remove: string
  readonly removeLong: string
  readonly deleted: string
  readonly undo: string
  readonly again: string
  readonly stages: {
    readonly uploading: string
    readonly waiting: string
    readonly converting: string
    readonly saving: string
  }
  readonly failed: string
  readonly ready: string
  readonly saved: string
  readonly larger: string
  readonly stripped: string
  readonly strippedWords: Readonly<Record<string, string>>
  readonly expires: string
  readonly mailTitle: string
  /** What became of the e-mail to `{address}`. */
  readonly mail: {
    readonly waiting: string
    readonly sending: string
    readonly sent: string
    readonly failed: string
    readonly uncertain: string
  }
  readonly mailReply: string
  readonly mailReason: string
  readonly mailDelayed: string
  readonly run: string
  readonly pixels: string
  readonly pageCount: string
  readonly back: string
  readonly gone: string
  readonly goneHint: string
  readonly wrong: string
  readonly converterAway: string
  /** There has been no converter yet. */
  readonly converterAbsent: string
  /** What an error means, by its code; without an entry its own sentence is shown. */
  readonly faults: Readonly<Record<string, string>>
  /** Texts of the page's scripts. */
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
    readonly tooLarge: string
    readonly leftOut: string
    readonly onlyFirst: string
    readonly one: string
    readonly many: string
  }
}

const all: Readonly<Record<string, Words>> = { en, ru, zh }

export const languages = Object.keys(all)

/** The words of that language; English if it has none. */
export const wordsOf = (language: string): Words => all[language] ?? en

/** The text with `{name}` replaced by what stands under that name. */
export function filled(text: string, values: Readonly<Record<string, string | number>>): string {
  return text.replace(/\{(\w+)\}/g, (whole, name) => String(values[name] ?? whole))
}
