import { knownErrorCode } from '@herald/proto/errors'
import type { ReceivedConversionFailed } from '@herald/proto/events'
import { id } from './converted-view.js'
import { detailsOf, formatName, type MailView, type Voice } from './view.js'
import { shortened, visible, webLink } from './visible-text.js'

/** What `failed.html` and `failed.txt` can use. */
export function failedView(event: ReceivedConversionFailed, voice: Voice): MailView {
  const { phrases, quantities } = voice
  const fullName = failedName(event, voice)
  const name = shortened(fullName, 80)
  const { wrong, remedy, original } = whatFailed(event, voice)
  const formats = quantities.list(event.formats.slice(0, 20).map(formatName))
  const page = webLink(event.pageUrl)
  return {
    subject: phrases.say('failedSubject', { name }),
    preheader: wrong,
    heading: phrases.say('failedHeading', { name }),
    asked: formats ? phrases.say('asked', { formats }) : '',
    wrong,
    remedy,
    original,
    button: page ? { url: page, label: phrases.say('open') } : null,
    details: detailsOf([
      [phrases.say('source'), name === fullName ? '' : fullName],
      [phrases.say('failedAt'), quantities.moment(event.failedAtUnixMs)],
      [phrases.say('code'), id(event.code), 'code'],
      [phrases.say('conversion'), id(event.conversionId), 'code'],
    ]),
  }
}

/** The file's own name, safe to show. */
export function failedName({ fileName }: ReceivedConversionFailed, { phrases }: Voice): string {
  return visible(fileName, 300) || phrases.say('yourFile')
}

export interface Failure {
  readonly wrong: string
  /** May be empty. */
  readonly remedy: string
  /** The converter's English text, if `wrong` and `remedy` are something else. */
  readonly original: string
}

/** In English the converter's own text, which is more exact; else the translation of its code. */
export function whatFailed(event: ReceivedConversionFailed, { phrases }: Voice): Failure {
  const message = visible(event.message, 600)
  const remedy = visible(event.remedy, 600)
  const code = knownErrorCode(event.code)
  const translated = code
    ? phrases.error(code)
    : { wrong: phrases.say('unknownFailure'), remedy: '' }
  if (/^en\b/.test(phrases.locale) && message) {
    return { wrong: message, remedy: remedy || translated.remedy, original: '' }
  }
  return { ...translated, original: [message, remedy].filter((part) => part !== '').join(' ') }
}
