import { type ErrorCode, errorTable } from '@herald/proto/errors'
import { z } from 'zod'
import { memoize } from './memoize.js'

/** Every sentence of the mails, and the names that it may contain in braces. */
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
  /** A BCP 47 tag: how numbers and dates are written, and the mail's `lang`. */
  locale: z.string().refine(isLocale, 'must be a language tag such as en-GB'),
  /** For the templates: `{{t.before}}`. */
  labels: z.record(z.string(), z.string()),
  sentences: z.record(z.string(), z.union([z.string(), plural])),
  /** What can be removed from a file, by the name the converter gives it. */
  removed: z.record(z.string(), z.string()),
  errors: z.record(z.string(), z.strictObject({ wrong: z.string(), remedy: z.string() })),
})

export type PhraseFile = z.infer<typeof phraseFile>

const errorCodes = Object.keys(errorTable) as ErrorCode[]

/** The phrases of one language. */
export interface Phrases {
  readonly locale: string
  readonly labels: Readonly<Record<string, string>>
  text(sentence: Sentence, values?: Readonly<Record<string, string>>): string
  /** The sentence in the plural form that `n` takes, `{n}` being the number itself. */
  count(sentence: Sentence, n: number, values?: Readonly<Record<string, string>>): string
  removed(what: string): string | undefined
  error(code: ErrorCode): { readonly wrong: string; readonly remedy: string }
}

/** `file`: as returned by `readPhrases`. */
export function createPhrases(file: PhraseFile): Phrases {
  const { locale, labels } = file
  const plurals = new Intl.PluralRules(locale)
  const numbers = new Intl.NumberFormat(locale)
  const parts = memoize((text: string) => text.split(/\{(\w+)\}/))
  const formOf = memoize((n: number) => plurals.select(n))
  const numeral = memoize((n: number) => numbers.format(n))
  const fill = (text: string, values: Readonly<Record<string, string>>) => {
    let filled = ''
    // Text and name alternate.
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
    text(sentence, values = {}) {
      const found = file.sentences[sentence]
      return typeof found === 'string' ? fill(found, values) : count(sentence, 0, values)
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

/** Reads a file of `strings/`. Puts a sentence into `errors` for each error; then undefined. */
export function readPhrases(name: string, text: string, errors: string[]): PhraseFile | undefined {
  let json: unknown
  try {
    json = JSON.parse(text)
  } catch (error) {
    errors.push(`${name} is not JSON: ${(error as Error).message}.`)
    return undefined
  }
  const { success, data, error } = phraseFile.safeParse(json)
  if (!success) {
    for (const issue of error.issues) {
      errors.push(`${name}: ${issue.path.join('.') || 'the file'}: ${issue.message}.`)
    }
    return undefined
  }
  const before = errors.length
  errors.push(...errorsOf(data).map((message) => `${name}: ${message}`))
  return errors.length === before ? data : undefined
}

function errorsOf(file: PhraseFile): string[] {
  return [
    ...(Object.keys(sentences) as Sentence[]).flatMap((key) => sentenceErrors(key, file)),
    ...unknownKeys(file.sentences, Object.keys(sentences), 'sentences'),
    ...errorCodes
      .filter((code) => !file.errors[code]?.wrong || !file.errors[code].remedy)
      .map((code) => `errors.${code} is missing.`),
    ...unknownKeys(file.errors, errorCodes, 'errors'),
  ]
}

function sentenceErrors(key: Sentence, file: PhraseFile): string[] {
  const value = file.sentences[key]
  if (value === undefined || value === '') return [`sentences.${key} is missing.`]
  const known: readonly string[] = sentences[key]
  const texts = typeof value === 'string' ? [value] : Object.values(value)
  const forms = new Intl.PluralRules(file.locale).resolvedOptions().pluralCategories
  return [
    ...texts
      .flatMap((text) => [...text.matchAll(/\{([^{}]*)\}/g)].map(([, braces = '']) => braces))
      .filter((braces) => !known.includes(braces))
      .map((braces) => {
        const names = known.map((each) => `{${each}}`).join(', ') || 'none'
        return `sentences.${key} contains {${braces}}; it can contain ${names}.`
      }),
    ...(texts.some((text) => /[\r\n]/.test(text)) ? [`sentences.${key} has a line break.`] : []),
    ...(typeof value === 'string'
      ? []
      : forms
          .filter((form) => !value[form])
          .map((form) => `sentences.${key} lacks the plural form "${form}".`)),
  ]
}

function unknownKeys(given: object, known: readonly string[], group: string): string[] {
  return Object.keys(given)
    .filter((key) => !known.includes(key))
    .map((key) => `${group}.${key} is unknown.`)
}
