import { errorCodes, type PhraseFile, phraseFile, type Sentence, sentences } from './phrases.js'

/** Reads a file of `strings/`; what is wrong with it is put to `faults`, a sentence each. */
export function readPhrases(name: string, text: string, faults: string[]): PhraseFile | undefined {
  let json: unknown
  try {
    json = JSON.parse(text)
  } catch (error) {
    faults.push(`${name} is no JSON: ${(error as Error).message}.`)
    return undefined
  }
  const { success, data, error } = phraseFile.safeParse(json)
  if (!success) {
    for (const issue of error.issues) {
      faults.push(`${name}: ${issue.path.join('.') || 'the file'}: ${issue.message}.`)
    }
    return undefined
  }
  const before = faults.length
  faults.push(...faultsOf(data).map((fault) => `${name}: ${fault}`))
  return faults.length === before ? data : undefined
}

function faultsOf(file: PhraseFile): string[] {
  return [
    ...(Object.keys(sentences) as Sentence[]).flatMap((key) => sentenceFaults(key, file)),
    ...surplus(file.sentences, Object.keys(sentences), 'sentences'),
    ...errorCodes
      .filter((code) => !file.errors[code]?.wrong || !file.errors[code].remedy)
      .map((code) => `the translation of errors.${code} is missing.`),
    ...surplus(file.errors, errorCodes, 'errors'),
  ]
}

function sentenceFaults(key: Sentence, { sentences: said, locale }: PhraseFile): string[] {
  const value = said[key]
  if (value === undefined || value === '')
    return [`the translation of sentences.${key} is missing.`]
  const known: readonly string[] = sentences[key]
  const texts = typeof value === 'string' ? [value] : Object.values(value)
  const forms = new Intl.PluralRules(locale).resolvedOptions().pluralCategories
  return [
    ...texts
      .flatMap((text) => [...text.matchAll(/\{([^{}]*)\}/g)].map(([, braces = '']) => braces))
      .filter((braces) => !known.includes(braces))
      .map((braces) => {
        const names = known.map((each) => `{${each}}`).join(', ') || 'none'
        return `sentences.${key} holds {${braces}}; it can hold ${names}.`
      }),
    ...(texts.some((text) => /[\r\n]/.test(text)) ? [`sentences.${key} has a line break.`] : []),
    ...(typeof value === 'string'
      ? []
      : forms
          .filter((form) => !value[form])
          .map((form) => `sentences.${key} lacks the plural form "${form}".`)),
  ]
}

function surplus(given: object, known: readonly string[], where: string): string[] {
  return Object.keys(given)
    .filter((key) => !known.includes(key))
    .map((key) => `${where}.${key} is nothing Herald knows.`)
}
