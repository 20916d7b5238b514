import type { ReceivedEvent } from '@herald/broker/message'
import { ConfigurationError } from '@herald/runtime'
import { mostFrequent } from '../most-frequent.js'
import { draftOf, inOrder } from './mail-draft.js'
import type { InlinePicture } from './pictures.js'
import type { Templates } from './templates.js'

/** What a mail contains, before it is encoded. */
export interface MailContent {
  /** One line. */
  readonly subject: string
  readonly text: string
  readonly html: string
  /** The pictures that the HTML part shows. */
  readonly pictures: readonly InlinePicture[]
  /** A BCP 47 tag. */
  readonly language: string
}

export interface ContentOptions {
  /** Of `languageFor`, when the mail was created. Another version of Herald may have had more. */
  readonly language: string
  /** For a server that accepts no mail as large as it is with its pictures. Default false. */
  readonly withoutPreview?: boolean
}

/** Writes the content of mails. The same events, in any order, and options give the same content. */
export interface MailWriter {
  /** The language for a mail about these events: at least one, all of one recipient. */
  languageFor(events: readonly ReceivedEvent[]): string
  /**
   * The mail about one event, or the digest of several: at least one, all of one recipient,
   * conversions and failures mixed.
   */
  write(events: readonly ReceivedEvent[], options: ContentOptions): MailContent
}

/**
 * `language`: for events that name none, or one that there is no file for. Throws
 * ConfigurationError if there is no file for that either.
 */
export function createMailWriter({ wordings, render }: Templates, language = 'en'): MailWriter {
  const offered = [...wordings.keys()].sort()
  const fallback = bestLanguage(language, offered)
  if (fallback === undefined) {
    throw new ConfigurationError([
      `Invalid HERALD_LANGUAGE "${language}": expected one of ${offered.join(', ')}.`,
    ])
  }
  return {
    languageFor(events) {
      const wanted = inOrder(events).map(({ event }) => event.data.recipient?.language ?? '')
      return mostFrequent(wanted.flatMap((each) => bestLanguage(each, offered) ?? [])) ?? fallback
    },
    write(events, { language, withoutPreview = false }) {
      if (events.length === 0) throw new RangeError('A mail is about at least one event.')
      const wording = wordings.get(language) ?? wordings.get(fallback)
      if (wording === undefined) throw new RangeError(`There is no language ${fallback}.`)
      const { kind, view, pictures } = draftOf(events, wording, withoutPreview)
      return {
        subject: view.subject,
        // Sections that print nothing leave their empty lines behind.
        text: `${render(`${kind}.txt`, view)
          .replace(/\n{3,}/g, '\n\n')
          .trim()}\n`,
        html: render(`${kind}.html`, view),
        pictures,
        language: wording.phrases.locale,
      }
    },
  }
}

/**
 * The best of `offered` for the BCP 47 tag `wanted` (RFC 4647 lookup: `zh-Hant-TW` finds `zh`),
 * else one of the same language (`pt` finds `pt-BR`); undefined if there is none.
 */
export function bestLanguage(wanted: string, offered: readonly string[]): string | undefined {
  const tag = wanted.trim().replaceAll('_', '-').toLowerCase()
  if (!/^[a-z]{2,8}(-[a-z0-9]{1,8})*$/.test(tag) || tag.length > 100) return undefined
  for (let range = tag; range !== ''; range = range.replace(/(^|-)[^-]*$/, '')) {
    const found = offered.find((each) => each.toLowerCase() === range)
    if (found) return found
  }
  const primary = tag.split('-')[0]
  return offered.find((each) => each.toLowerCase().split('-')[0] === primary)
}
