import Mustache from 'mustache'
import type { LetterFile } from './render.js'
import type { Shape } from './shape.js'

export interface TemplateChecks {
  readonly files: ReadonlyMap<string, string>
  /** What each letter can say. */
  readonly shapes: ReadonlyMap<LetterFile, Shape>
  /** The labels of each file of phrases. */
  readonly labels: ReadonlyMap<string, Readonly<Record<string, string>>>
}

/** What the library's parser returns; its types say less. */
type Token = [kind: string, value: string, start: number, end: number, within?: Token[] | string]

interface Place {
  readonly file: string
  readonly scopes: readonly Shape[]
  /** The parts that led here. */
  readonly through: readonly string[]
}

/** What is wrong with the templates, a sentence each; each once, however often it is met. */
export function checkTemplates({ files, shapes, labels }: TemplateChecks): string[] {
  const faults = new Set<string>()
  const parsed = new Map<string, Token[]>()
  for (const [file, text] of files) {
    if (/\.(html|txt)$/.test(file)) parsed.set(file, parse(file, text))
  }
  for (const [file, shape] of shapes) {
    if (parsed.has(file)) walk(parsed.get(file) ?? [], { file, scopes: [shape], through: [file] })
    else faults.add(`${file} is missing.`)
  }
  return [...faults]

  function parse(file: string, text: string): Token[] {
    try {
      return Mustache.parse(text) as unknown as Token[]
    } catch (error) {
      const { message } = error as Error
      const at = Number(/ at (\d+)$/.exec(message)?.[1] ?? 0)
      faults.add(`${where(file, at)}: ${message.replace(/ at \d+$/, '')}.`)
      return []
    }
  }

  function walk(tokens: readonly Token[], place: Place): void {
    for (const [kind, name, start, , within] of tokens) {
      const at = where(place.file, start)
      switch (kind) {
        case '#':
        case '^': {
          const found = lookUp(name, place, at)
          const scopes = kind === '#' && found ? [...place.scopes, found] : place.scopes
          if (Array.isArray(within)) walk(within, { ...place, scopes })
          break
        }
        case 'name':
          lookUp(name, place, at)
          break
        case '&':
          faults.add(`${at}: {{{${name}}}} would not be escaped. Write {{${name}}}.`)
          break
        case '=':
          faults.add(`${at}: other brackets than {{ }} cannot be chosen.`)
          break
        case '>':
          enter(name, place, at)
      }
    }
  }

  function enter(name: string, place: Place, at: string): void {
    const file = `parts/${name}${place.file.slice(place.file.lastIndexOf('.'))}`
    if (!parsed.has(file)) faults.add(`${at}: {{> ${name}}} needs the file ${file}.`)
    else if (place.through.includes(file)) faults.add(`${at}: {{> ${name}}} leads back to itself.`)
    else walk(parsed.get(file) ?? [], { ...place, file, through: [...place.through, file] })
  }

  function lookUp(name: string, { scopes }: Place, at: string): Shape | undefined {
    if (name === '.') return undefined
    const [first = '', ...path] = name.split('.')
    if (first === 't' && path.length === 1) {
      for (const [strings, { [path[0] ?? '']: label }] of labels) {
        if (!label)
          faults.add(
            `${at}: {{${name}}}: the translation is missing, labels.${path[0]} in ${strings}.`,
          )
      }
      return undefined
    }
    let found = scopes.findLast((scope) => scope.has(first))?.get(first)
    for (const step of path) found = found?.get(step)
    if (found === undefined) {
      const names = [...(scopes.at(-1)?.keys() ?? [])].filter((each) => each !== 't')
      faults.add(
        `${at}: {{${name}}} is nothing this letter knows; here it knows ${names.join(', ')}.`,
      )
    }
    return found
  }

  function where(file: string, at: number): string {
    return `${file}, line ${files.get(file)?.slice(0, at).split('\n').length ?? 1}`
  }
}
