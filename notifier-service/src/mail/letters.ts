import type { ReceivedEvent } from '@herald/broker/message'
import { eventTypes } from '@herald/proto/events'
import { convertedLetter } from './converted-letter.js'
import { failedLetter } from './failed-letter.js'
import type { Letter } from './letter.js'

export interface LetterOptions {
  /** What `templateFor` said when the mail was first decided on. */
  readonly template: string
  /** For a server that takes no mail as large as it is with its pictures. Default false. */
  readonly withoutPreview?: boolean
}

/**
 * Writes what a mail says. The same events, in whatever order, and the same options give the same
 * letter to the byte, so that a mail whose fate is unknown can be sent again as it was.
 */
export interface Letters {
  /**
   * The version of the templates and the language that a mail about these events is to be written
   * in, such as `3f9a0c12d4e5/ru`: to be kept in the ledger with the mail. At least one event, all
   * of one recipient.
   */
  templateFor(events: readonly ReceivedEvent[]): string
  /**
   * The letter about one event, or the digest of several: at least one, all of one recipient,
   * conversions and failures mixed.
   */
  composeLetter(events: readonly ReceivedEvent[], options: LetterOptions): Letter
}

export function openLetters(): Letters {
  return {
    templateFor: () => '1/en',
    composeLetter([first, ...others], { withoutPreview = false }) {
      if (first === undefined) throw new RangeError('A letter tells of at least one event.')
      const { event } = first
      const letter =
        event.type === eventTypes.fileConverted
          ? convertedLetter(withoutPreview ? { ...event.data, preview: null } : event.data)
          : failedLetter(event.data)
      return others.length === 0
        ? letter
        : { ...letter, subject: `${letter.subject} and ${others.length} more` }
    },
  }
}
