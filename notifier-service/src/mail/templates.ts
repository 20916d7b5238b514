import { ConfigurationError } from '@herald/runtime'
import Mustache from 'mustache'
import { draftOf, type MailDraft } from './mail-draft.js'
import { createPhrases, readPhrases } from './phrases.js'
import { createQuantities } from './quantities.js'
import { sampleMails } from './sample-mails.js'
import { readTemplateFiles, type TemplateName, templateNames } from './template-files.js'
import type { View, Wording } from './view.js'

/** Templates and phrases that were checked. */
export interface Templates {
  /** By the name of their file: `en`, `ru`, `zh`. */
  readonly wordings: ReadonlyMap<string, Wording>
  /** Fills in a template. In HTML every value is escaped. */
  render(name: TemplateName, view: View): string
}

/**
 * The templates of Herald, and those of `folder`, which replace them file by file. All are checked
 * by rendering the sample mails. Throws ConfigurationError naming every error.
 */
export function loadTemplates(folder: string | undefined): Templates {
  const errors: string[] = []
  const files = readTemplateFiles(folder, errors)
  const wordings = new Map<string, Wording>()
  const labels = new Map<string, Readonly<Record<string, string>>>()
  for (const [name, text] of files) {
    const language = /^strings\/(.+)\.json$/.exec(name)?.[1]
    const file = language === undefined ? undefined : readPhrases(name, text, errors)
    if (language === undefined || file === undefined) continue
    labels.set(name, file.labels)
    const phrases = createPhrases(file)
    wordings.set(language, { phrases, quantities: createQuantities(phrases) })
  }
  const [wording] = wordings.values()
  if (wording === undefined) errors.push('There is no language: no file in strings/ can be used.')
  else errors.push(...checkTemplates(files, wording, labels))
  if (errors.length > 0) throw new ConfigurationError(errors)
  const writer = new CachingWriter()
  return {
    wordings,
    render: (name, view) =>
      writer.render(files.get(name) ?? '', view, partsOf(files, name), escaping(name)),
  }
}

const extensionOf = (name: string) => name.slice(name.lastIndexOf('.'))

/** `{{> foot}}` in HTML is `parts/foot.html`. */
const partsOf = (files: ReadonlyMap<string, string>, name: string) => (part: string) =>
  files.get(`parts/${part}${extensionOf(name)}`)

const escaping = (name: string) => ({ escape: name.endsWith('.html') ? escapeHtml : String })

const entities: Record<string, string> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
}

/** The library's own also escapes `/` and `=`, which doubles some links in length. */
function escapeHtml(value: unknown): string {
  return String(value).replace(/[&<>"']/g, (character) => entities[character] ?? character)
}

/** Parses each template once. The library's cache hashes the whole text for every rendering. */
class CachingWriter extends Mustache.Writer {
  readonly #parsed = new Map<string, unknown>()

  override parse(template: string): unknown {
    const known = this.#parsed.get(template)
    if (known !== undefined) return known
    // The parser appends text character by character, and V8 would join these again for every mail.
    const parsed: unknown = structuredClone(super.parse(template))
    this.#parsed.set(template, parsed)
    return parsed
  }
}

/** Renders every template with every sample. Returns the errors found, a sentence each. */
function checkTemplates(
  files: ReadonlyMap<string, string>,
  wording: Wording,
  labels: ReadonlyMap<string, Readonly<Record<string, string>>>,
): Set<string> {
  const errors = new Set<string>()
  const samples = sampleMails().map(({ events }) => draftOf(events, wording, false))
  for (const name of templateNames) {
    const kind = name.slice(0, name.indexOf('.'))
    for (const sample of samples) {
      if (sample.kind === kind) checkRendering(name, sample)
    }
  }
  return errors

  function checkRendering(name: TemplateName, { view }: MailDraft): void {
    const report = (tag: string, message: string) => errors.add(`${placeOf(tag, name)}: ${message}`)
    const writer = new CheckedWriter(report)
    const parts = (part: string) => {
      const text = partsOf(files, name)(part)
      if (text === undefined) {
        report(`> ${part}`, `{{> ${part}}} needs the file parts/${part}${extensionOf(name)}.`)
      } else if (parses(`parts/${part}${extensionOf(name)}`, text)) return text
      return undefined
    }
    const text = files.get(name) ?? ''
    if (!parses(name, text)) return
    try {
      const context = new CheckedContext(view, undefined, (tag, known) => {
        const [first = '', label = ''] = tag.split('.')
        if (first !== 't') report(tag, `{{${tag}}} is unknown; known here: ${known}.`)
        else
          for (const [strings, { [label]: translated }] of labels) {
            if (!translated) report(tag, `{{${tag}}}: labels.${label} is missing in ${strings}.`)
          }
      })
      writer.render(text, context, parts, escaping(name))
    } catch (error) {
      if (!(error instanceof NestedTooDeep)) throw error
      errors.add(`${name}: a part contains itself.`)
    }
  }

  function parses(name: string, text: string): boolean {
    try {
      Mustache.parse(text)
      return true
    } catch (error) {
      const { message } = error as Error
      const at = Number(/ at (\d+)$/.exec(message)?.[1] ?? 0)
      errors.add(`${lineAt(name, at)}: ${message.replace(/ at \d+$/, '')}.`)
      return false
    }
  }

  /** Where a tag is: in the template, or in one of the parts. */
  function placeOf(tag: string, template: string): string {
    const escaped = tag.replace(/[.*+?^${}()|[\]\\]/g, '\\$&').replace(/^> /, '>\\s*')
    const pattern = new RegExp(`\\{\\{\\{?[#^&]?\\s*${escaped}\\s*\\}`)
    const extension = extensionOf(template)
    const names = [template, ...files.keys()].filter(
      (name) => name === template || (name.startsWith('parts/') && name.endsWith(extension)),
    )
    for (const name of names) {
      const at = pattern.exec(files.get(name) ?? '')?.index
      if (at !== undefined) return lineAt(name, at)
    }
    return template
  }

  function lineAt(name: string, at: number): string {
    return `${name}, line ${files.get(name)?.slice(0, at).split('\n').length ?? 1}`
  }
}

/** The labels, and the names of 0.1.0. */
const unlisted = new Set(['t', 'glance', 'said'])

type UnknownTag = (tag: string, known: string) => void

/** Reports names that no scope has; the library prints nothing for them. */
class CheckedContext extends Mustache.Context {
  readonly #onUnknown: UnknownTag

  constructor(view: unknown, parent: CheckedContext | undefined, onUnknown: UnknownTag) {
    super(view, parent)
    this.#onUnknown = onUnknown
  }

  override push(view: unknown): CheckedContext {
    return new CheckedContext(view, this, this.#onUnknown)
  }

  override lookup(name: string): unknown {
    if (name === '.') return this.view
    for (let scope: Mustache.Context | undefined = this; scope; scope = scope.parent) {
      let value: unknown = scope.view
      const path = name.split('.')
      while (path.length > 0 && isView(value) && Object.hasOwn(value, path[0] ?? '')) {
        value = value[path.shift() ?? '']
      }
      if (path.length === 0) return value
      // A group that this mail lacks, such as its only saving.
      if (value === null) return undefined
    }
    const known = isView(this.view) ? Object.keys(this.view) : []
    this.#onUnknown(name, known.filter((each) => !unlisted.has(each)).join(', '))
    return undefined
  }
}

const isView = (value: unknown): value is View => typeof value === 'object' && value !== null

/** More than any template needs, and far fewer than overflow the stack. */
const maxNestedParts = 50

class NestedTooDeep extends Error {}

/**
 * Reports `{{{name}}}` and `{{&name}}`: a file's name may contain anything. Throws NestedTooDeep for a
 * part that contains itself.
 */
class CheckedWriter extends Mustache.Writer {
  readonly #report: (tag: string, message: string) => void
  #nestedParts = 0

  constructor(report: (tag: string, message: string) => void) {
    super()
    this.#report = report
  }

  override renderPartial(...args: Parameters<Mustache.Writer['renderPartial']>): string {
    if (this.#nestedParts === maxNestedParts) throw new NestedTooDeep()
    this.#nestedParts += 1
    try {
      return super.renderPartial(...args)
    } finally {
      this.#nestedParts -= 1
    }
  }

  override unescapedValue(token: string[], context: Mustache.Context): string {
    const tag = token[1] ?? ''
    this.#report(tag, `{{{${tag}}}} would not be escaped. Write {{${tag}}}.`)
    return super.unescapedValue(token, context)
  }
}
