import { knownErrorCode } from '@herald/proto/errors'
import type { ReceivedConversionFailed } from '@herald/proto/events'
import { id } from './converted-view.js'
import { detailsOf, formatName, type MailView, type Wording } from './view.js'
import { shortened, visible, webLink } from './visible-text.js'

/** What `failed.html` and `failed.txt` can use. */
export function failedView(event: ReceivedConversionFailed, wording: Wording): MailView {
  const { phrases, quantities } = wording
  const fullName = failedName(event, wording)
  const name = shortened(fullName, 80)
  const { wrong, remedy, original } = whatFailed(event, wording)
  const formats = quantities.list(event.formats.slice(0, 20).map(formatName))
  const page = webLink(event.pageUrl)
  return {
    subject: phrases.text('failedSubject', { name }),
    preheader: wrong,
    heading: phrases.text('failedHeading', { name }),
    asked: formats ? phrases.text('asked', { formats }) : '',
    wrong,
    remedy,
    original,
    button: page ? { url: page, label: phrases.text('open') } : null,
    details: detailsOf([
      [phrases.text('source'), name === fullName ? '' : fullName],
      [phrases.text('failedAt'), quantities.moment(event.failedAtUnixMs)],
      [phrases.text('code'), id(event.code), 'code'],
      [phrases.text('conversion'), id(event.conversionId), 'code'],
    ]),
  }
}

/** The file's own name, safe to show. */
export function failedName({ fileName }: ReceivedConversionFailed, { phrases }: Wording): string {
  return visible(fileName, 300) || phrases.text('yourFile')
}

export interface Failure {
  readonly wrong: string
  /** May be empty. */
  readonly remedy: string
  /** The converter's English text, if `wrong` and `remedy` are something else. */
  readonly original: string
}

/** In English the converter's own text, which is more exact; else the translation of its code. */
export function whatFailed(event: ReceivedConversionFailed, { phrases }: Wording): Failure {
  const message = visible(event.message, 600)
  const remedy = visible(event.remedy, 600)
  const code = knownErrorCode(event.code)
  const translated = code
    ? phrases.error(code)
    : { wrong: phrases.text('unknownFailure'), remedy: '' }
  if (/^en\b/.test(phrases.locale) && message) {
    return { wrong: message, remedy: remedy || translated.remedy, original: '' }
  }
  return { ...translated, original: [message, remedy].filter((part) => part !== '').join(' ') }
}
