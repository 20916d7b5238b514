import { type ErrorCode, errorTable } from '@herald/proto/errors'
import { z } from 'zod'
import { remembered } from './remembered.js'

/** Every sentence the letters are made of, and what may stand in its braces. */
export const sentences = {
  yourFile: [],
  convertedSubject: ['name', 'brief'],
  convertedHeading: ['name'],
  failedSubject: ['name'],
  failedHeading: ['name'],
  digestReady: ['n'],
  digestFailed: ['n'],
  digestBoth: ['ready', 'failed'],
  digestSubject: ['what', 'before', 'after', 'percent'],
  asked: ['formats'],
  files: ['n'],
  smaller: ['percent'],
  larger: ['percent'],
  sameSize: [],
  pixels: ['width', 'height'],
  pages: ['n'],
  frames: ['n'],
  more: ['n', 'size'],
  moreFiles: ['n'],
  previewOf: ['name'],
  open: [],
  download: ['format'],
  place: ['host'],
  placeUnknown: [],
  removed: [],
  readyAt: [],
  failedAt: [],
  took: [],
  waited: ['duration', 'wait'],
  machine: [],
  folder: [],
  source: [],
  hashOfSource: [],
  hashOf: ['name'],
  code: [],
  conversion: [],
  run: [],
  unknownFailure: [],
} as const satisfies Record<string, readonly string[]>

export type Sentence = keyof typeof sentences

const plural = z.partialRecord(z.enum(['zero', 'one', 'two', 'few', 'many', 'other']), z.string())

/** A file of `strings/`. */
export const phraseFile = z.strictObject({
  /** How numbers and dates are written, and what the letter's `lang` says: a BCP 47 tag. */
  locale: z.string().refine(isLocale, 'must be a language tag such as en-GB'),
  /** For the templates: `{{t.before}}`. */
  labels: z.record(z.string(), z.string()),
  sentences: z.record(z.string(), z.union([z.string(), plural])),
  /** What can be left out of a file, by the name the converter gives it. */
  removed: z.record(z.string(), z.string()),
  errors: z.record(z.string(), z.strictObject({ wrong: z.string(), remedy: z.string() })),
})

export type PhraseFile = z.infer<typeof phraseFile>

export const errorCodes = Object.keys(errorTable) as ErrorCode[]

/** The phrases of one language. */
export interface Phrases {
  readonly locale: string
  readonly labels: Readonly<Record<string, string>>
  say(sentence: Sentence, values?: Readonly<Record<string, string>>): string
  /** The sentence in the plural form that `n` takes, `{n}` being the number itself. */
  count(sentence: Sentence, n: number, values?: Readonly<Record<string, string>>): string
  removed(what: string): string | undefined
  error(code: ErrorCode): { readonly wrong: string; readonly remedy: string }
}

/** The file must have been found without fault. */
export function createPhrases(file: PhraseFile): Phrases {
  const { locale, labels } = file
  const plurals = new Intl.PluralRules(locale)
  const numbers = new Intl.NumberFormat(locale)
  const parts = remembered((text: string) => text.split(/\{(\w+)\}/))
  const formOf = remembered((n: number) => plurals.select(n))
  const numeral = remembered((n: number) => numbers.format(n))
  const fill = (text: string, values: Readonly<Record<string, string>>) => {
    let filled = ''
    // Text and name by turns.
    for (const [at, part] of parts(text).entries()) {
      filled += at % 2 === 0 ? part : (values[part] ?? `{${part}}`)
    }
    return filled
  }

  const count: Phrases['count'] = (sentence, n, values = {}) => {
    const forms = file.sentences[sentence] ?? ''
    const text = typeof forms === 'string' ? forms : (forms[formOf(n)] ?? forms.other ?? '')
    return fill(text, { ...values, n: numeral(n) })
  }
  return {
    locale,
    labels,
    say(sentence, values = {}) {
      const text = file.sentences[sentence]
      return typeof text === 'string' ? fill(text, values) : count(sentence, 0, values)
    },
    count,
    removed: (what) => (Object.hasOwn(file.removed, what) ? file.removed[what] : undefined),
    error: (code) => file.errors[code] ?? { wrong: '', remedy: '' },
  }
}

function isLocale(tag: string): boolean {
  try {
    return Intl.PluralRules.supportedLocalesOf(tag).length > 0
  } catch {
    return false
  }
}
