import Mustache from 'mustache'
import type { letterFiles } from './template-files.js'
import type { View } from './view.js'

export type LetterFile = (typeof letterFiles)[number]

/** Fills templates in. */
export interface Renderer {
  /** In HTML every value is escaped; a template cannot ask for less. */
  render(file: LetterFile, view: View): string
}

export function createRenderer(files: ReadonlyMap<string, string>): Renderer {
  // One of its own: the library's shared one keeps every template it ever saw.
  const writer = new Mustache.Writer()
  return {
    render(file, view) {
      const extension = file.slice(file.indexOf('.'))
      const part = (name: string) => files.get(`parts/${name}${extension}`)
      const asText = extension === '.html' ? escapeHtml : String
      return writer.render(files.get(file) ?? '', view, part, { escape: asText })
    },
  }
}

const entities: Record<string, string> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
}

/** The library's own also writes `/` and `=` as entities: no reader of a mail needs that. */
export function escapeHtml(value: unknown): string {
  return String(value).replace(/[&<>"']/g, (character) => entities[character] ?? character)
}
