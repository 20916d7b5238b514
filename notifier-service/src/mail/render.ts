import { type Op, parseTemplate } from './parse-template.js'
import { FixedText, type Piece } from './piece.js'
import type { letterFiles } from './template-files.js'
import type { View } from './view.js'

export type LetterFile = (typeof letterFiles)[number]

/** Fills templates in. */
export interface Renderer {
  /**
   * The text in pieces: those of the template are the same objects each time. In HTML every value
   * is escaped; a template cannot ask for less.
   */
  render(file: LetterFile, view: View): Piece[]
}

/** `files`: found without fault. */
export function createRenderer(files: ReadonlyMap<string, string>): Renderer {
  const parsed = new Map<LetterFile, readonly Op[]>()
  return {
    render(file, view) {
      let ops = parsed.get(file)
      if (ops === undefined) {
        const extension = file.slice(file.indexOf('.'))
        ops = parseTemplate(files.get(file) ?? '', (part) => files.get(`parts/${part}${extension}`))
        parsed.set(file, ops)
      }
      const pieces: Piece[] = []
      fill(ops, [view], file.endsWith('.html') ? escapeHtml : String, pieces)
      return pieces
    },
  }
}

type Value = View[string]

/** `scopes`: what names are looked up in, the innermost last. */
function fill(
  ops: readonly Op[],
  scopes: Value[],
  asText: (value: unknown) => string,
  pieces: Piece[],
): void {
  for (const op of ops) {
    if (op instanceof FixedText) {
      pieces.push(op)
      continue
    }
    const value = lookUp(op.path, scopes)
    if (op.kind === 'value') {
      if (value !== undefined && value !== null) pieces.push(asText(value))
      continue
    }
    const isThere = Array.isArray(value) ? value.length > 0 : Boolean(value)
    if (op.kind === 'without') {
      if (!isThere) fill(op.within, scopes, asText, pieces)
    } else if (isThere) {
      for (const each of Array.isArray(value) ? value : [value]) {
        // A mere yes brings no names of its own.
        if (each !== true) scopes.push(each)
        fill(op.within, scopes, asText, pieces)
        if (each !== true) scopes.pop()
      }
    }
  }
}

function lookUp(path: readonly string[], scopes: readonly Value[]): Value | undefined {
  for (let at = scopes.length - 1; at >= 0; at -= 1) {
    const found = valueAt(scopes[at], path)
    if (found !== undefined) return found
  }
  return undefined
}

/** Undefined where the scope does not know the path's first name, or nothing is found on the way. */
function valueAt(scope: Value | undefined, path: readonly string[]): Value | undefined {
  let value = scope
  for (const name of path) {
    if (value === null || typeof value !== 'object' || !(name in value)) return undefined
    value = (value as View)[name]
  }
  return value
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
