import { escapeControls } from '@herald/runtime/terminal-text'
import { type Html, html } from './html.js'

const characters = new Intl.Segmenter(undefined, { granularity: 'grapheme' })
const wholeUpTo = 20
const endLength = 10

/** A file's name on one line; where it does not fit, the middle is left out and its end stays. */
export function fileName(name: string): Html {
  const text = escapeControls(name)
  const parts = [...characters.segment(text)].map(({ segment }) => segment)
  if (parts.length <= wholeUpTo) return html`<bdi>${text}</bdi>`
  const start = parts.slice(0, -endLength).join('')
  return html`<bdi title="${text}"><span>${start}</span><span>${parts.slice(-endLength).join('')}</span></bdi>`
}
