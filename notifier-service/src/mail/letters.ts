import type { ReceivedEvent } from '@herald/broker/message'
import { ConfigurationError } from '@herald/runtime'
import { mostFrequent } from '../most-frequent.js'
import { bestLanguage } from './languages.js'
import type { Letter } from './letter.js'
import { createTemplateArchive } from './template-archive.js'
import { loadTemplates, type TemplateSet } from './template-set.js'
import { draftOf, inOrder, writeLetter } from './write-letter.js'

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

export interface LettersFrom {
  /** Templates of the operator's, which stand in the place of ours file by file. */
  readonly templates?: string | undefined
  /** The language where an event names none that is there. Default `en`. */
  readonly language?: string
  /** Where the templates that mails were written from are kept; absent: they are not. */
  readonly archive?: string
}

/** Throws ConfigurationError naming every fault of the templates and of their translations. */
export function openLetters(from: LettersFrom = {}): Letters {
  return createLetters(loadTemplates(from.templates), from)
}

export function createLetters(
  current: TemplateSet,
  { language = 'en', archive }: Omit<LettersFrom, 'templates'> = {},
): Letters {
  const offered = [...current.voices.keys()].sort()
  const fallback = bestLanguage(language, offered)
  if (fallback === undefined) {
    throw new ConfigurationError([
      `HERALD_LANGUAGE=${language} is none of the languages there are: ${offered.join(', ')}`,
    ])
  }
  const earlier = archive === undefined ? undefined : createTemplateArchive(archive, current)

  return {
    templateFor(events) {
      const wanted = inOrder(events).map(({ event }) => event.data.recipient?.language ?? '')
      const named = mostFrequent(wanted.flatMap((each) => bestLanguage(each, offered) ?? []))
      return `${current.source.version}/${named ?? fallback}`
    },
    composeLetter(events, { template, withoutPreview = false }) {
      if (events.length === 0) throw new RangeError('A letter tells of at least one event.')
      const [version = '', named = ''] = template.split('/')
      const set = earlier?.find(version) ?? current
      const voice = set.voices.get(named) ?? current.voices.get(fallback)
      if (voice === undefined) throw new RangeError(`There is no language ${fallback}.`)
      return writeLetter(draftOf(events, voice, withoutPreview), set.renderer)
    },
  }
}
