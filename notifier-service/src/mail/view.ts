import { memoize } from './memoize.js'
import type { Phrases } from './phrases.js'
import type { Quantities } from './quantities.js'
import { visible } from './visible-text.js'

/**
 * What a template can use. Every name is always present, with an empty text, list or null if
 * there is nothing to print: a missing one would be looked up in the scope outside.
 */
export interface View {
  readonly [name: string]: string | boolean | null | View | readonly View[]
}

/** What every mail has. `docs/mail.md` explains each name. */
export interface MailView extends View {
  /** One line. */
  readonly subject: string
  /** What an inbox shows after the subject. */
  readonly preheader: string
}

/** The wording of the mails in one language. */
export interface Wording {
  readonly phrases: Phrases
  readonly quantities: Quantities
}

/** A row of the details. */
export interface Detail extends View {
  readonly label: string
  readonly text: string
  /** Shown in a monospaced font: a checksum, a path, an id. */
  readonly code: boolean
}

/** The rows whose text is not empty. */
export function detailsOf(
  rows: readonly (readonly [label: string, text: string, code?: 'code'])[],
): Detail[] {
  return rows
    .filter(([, text]) => text !== '')
    .map(([label, text, code]) => ({ label, text, code: code === 'code' }))
}

const formatNames: Record<string, string> = {
  webp: 'WebP',
  jxl: 'JPEG XL',
  jp2: 'JPEG 2000',
  'vnd.microsoft.icon': 'ICO',
  icon: 'ICO',
  'vnd.adobe.photoshop': 'PSD',
  plain: 'TXT',
}

/** The name of a format for people: `SVG` for `image/svg+xml` and for `svg`. */
export const formatName = memoize((mediaType: string): string => {
  const subtype = visible(mediaType, 120).split(';')[0]?.split('/').at(-1)?.toLowerCase() ?? ''
  const plain = subtype.replace(/^x-|\+.*$/g, '')
  if (Object.hasOwn(formatNames, plain)) return formatNames[plain] ?? ''
  return plain.length <= 5 ? plain.toUpperCase() : plain.slice(0, 40)
})
