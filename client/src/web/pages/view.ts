import type { MailOutcome } from '../record.js'
import { type Words, wordsOf } from '../words.js'
import { type Quantities, quantitiesIn } from './quantities.js'

/** What a page is drawn with, for one reader. */
export interface View {
  readonly words: Words
  readonly quantities: Quantities
  /** Addresses of the page's own files, by name. */
  readonly asset: (name: string) => string
  /** How long results are kept, in milliseconds. */
  readonly keepMs: number
  /** What became of the mail about an event, where that is known. */
  readonly outcome: (eventId: string) => MailOutcome | undefined
}

export function viewFor(language: string, rest: Pick<View, 'asset' | 'keepMs' | 'outcome'>): View {
  return { words: wordsOf(language), quantities: quantitiesIn(language), ...rest }
}
