import { escapeControls } from '@herald/runtime/terminal-text'

/** Text that is HTML already. */
export class Html {
  readonly text: string

  constructor(text: string) {
    this.text = text
  }

  toString(): string {
    return this.text
  }
}

/** The text with `{name}` replaced by `values[name]`. */
export function filledHtml(text: string, values: Readonly<Record<string, Html>>): Html {
  const parts = text.split(/\{(\w+)\}/)
  return html`${parts.map((part, at) => (at % 2 === 0 ? part : (values[part] ?? `{${part}}`)))}`
}

type Value = Html | string | number | boolean | null | undefined | readonly Value[]

/** HTML with the values escaped, except Html; booleans, null and undefined are empty. */
export function html(strings: TemplateStringsArray, ...values: readonly Value[]): Html {
  return new Html(strings.map((text, at) => text + written(values[at])).join(''))
}

function written(value: Value): string {
  if (value === undefined || value === null || value === false || value === true) return ''
  if (value instanceof Html) return value.text
  if (Array.isArray(value)) return value.map(written).join('')
  return escaped(String(value))
}

const entities: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
}

const escaped = (text: string) => text.replace(/[&<>"']/g, (character) => entities[character] ?? '')

const characters = new Intl.Segmenter(undefined, { granularity: 'grapheme' })
const wholeUpTo = 20
const endLength = 10

/** A file's name on one line; if it is too long, the middle is left out. */
export function fileName(name: string): Html {
  const text = escapeControls(name)
  const parts = [...characters.segment(text)].map(({ segment }) => segment)
  if (parts.length <= wholeUpTo) return html`<bdi>${text}</bdi>`
  const start = parts.slice(0, -endLength).join('')
  return html`<bdi title="${text}"><span>${start}</span><span>${parts.slice(-endLength).join('')}</span></bdi>`
}
