import Mustache from 'mustache'
import type { letterFiles } from './template-files.js'
import type { View } from './view.js'

export type LetterFile = (typeof letterFiles)[number]

/** Fills templates in. */
export interface Renderer {
  /**
   * The text in pieces: those of the template are the same strings each time. In HTML every value
   * is escaped; a template cannot ask for less.
   */
  render(file: LetterFile, view: View): string[]
}

export function createRenderer(files: ReadonlyMap<string, string>): Renderer {
  // One of its own: the library's shared one keeps every template it ever saw.
  const writer = new PieceWriter()
  return {
    render(file, view) {
      const extension = file.slice(file.indexOf('.'))
      const part = (name: string) => files.get(`parts/${name}${extension}`)
      const asText = extension === '.html' ? escapeHtml : String
      writer.pieces = []
      writer.render(files.get(file) ?? '', view, part, { escape: asText })
      return writer.pieces
    },
  }
}

type Tokens = Parameters<Mustache.Writer['renderTokens']>[0]
type Context = Mustache.Context

/**
 * Keeps what is rendered in pieces, which the library adds up to a text that takes longer to
 * become one than all the rest; and parses a template once, where the library's cache joins it
 * to a new key, longer than itself, at every use.
 */
class PieceWriter extends Mustache.Writer {
  pieces: string[] = []
  readonly #parsed = new Map<string, Tokens>()

  override parse(template: string): Tokens {
    const known = this.#parsed.get(template) ?? super.parse(template)
    this.#parsed.set(template, known)
    return known
  }

  override renderTokens(
    tokens: Tokens,
    context: Context,
    partials: Mustache.PartialsOrLookupFn,
    template: string,
    config: Mustache.RenderOptions,
  ): string {
    for (const token of tokens) {
      switch (token[0]) {
        case '#':
          this.renderSection(token, context, partials, template, config)
          break
        case '^':
          this.renderInverted(token, context, partials, template, config)
          break
        case '>':
          this.renderPartial(token, context, partials, config)
          break
        case 'text':
          this.pieces.push(this.rawValue(token))
          break
        case 'name':
          this.pieces.push(this.escapedValue(token, context, config) ?? '')
          break
        default:
          this.pieces.push(super.renderTokens([token], context, partials, template, config))
      }
    }
    return ''
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
