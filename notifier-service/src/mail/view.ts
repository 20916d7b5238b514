import type { Phrases } from './phrases.js'
import type { Quantities } from './quantities.js'

/**
 * What a template can say. Every name is always there, with an empty text, list or null where
 * there is nothing to say: a missing one would be looked up further out.
 */
export interface View {
  readonly [name: string]: string | boolean | null | View | readonly View[]
}

/** What every letter has. `docs/mail.md` tells what each name means. */
export interface LetterView extends View {
  /** One line. */
  readonly subject: string
  /** What an inbox shows beside the subject. */
  readonly glance: string
}

/** How a letter speaks. */
export interface Voice {
  readonly phrases: Phrases
  readonly quantities: Quantities
}

/** A row of the details. */
export interface Detail extends View {
  readonly label: string
  readonly text: string
  /** It is for machines: a checksum, a path, an id. */
  readonly code: boolean
}

/** The rows that say something. */
export function detailsOf(
  rows: readonly (readonly [label: string, text: string, code?: 'code'])[],
): Detail[] {
  return rows
    .filter(([, text]) => text !== '')
    .map(([label, text, code]) => ({ label, text, code: code === 'code' }))
}
