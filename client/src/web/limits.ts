import { createHash } from 'node:crypto'
import { HeraldError } from '@herald/proto/errors'
import { readRecipients } from '../recipients.js'
import type { Records } from './records.js'

export interface LimitOptions {
  /** Domains that may get e-mail, `*` for any; empty: none. */
  readonly domains: readonly string[]
  readonly mailsPerHour: number
  readonly filesPerHour: number
  /** Counts for all instances. */
  readonly records: Pick<Records, 'count'>
}

/** Limits what visitors may do. Each refusal is a HeraldError that may be shown. */
export interface Limits {
  /** The address without blanks; empty stays empty. Throws HERALD_USAGE if it may not get e-mail. */
  recipient(address: string): string
  /** Counts a file. Rejects with HERALD_BUSY. */
  file(caller: string): Promise<void>
  /** Counts an announcement. Rejects with HERALD_BUSY. */
  mail(recipient: string): Promise<void>
  /** Counts an upload of this process until the function it returns is called. Throws HERALD_BUSY. */
  enter(caller: string): () => void
}

const hourMs = 3_600_000
const uploadsAtOnce = 8
const uploadsOfAll = 64

export function createLimits(options: LimitOptions): Limits {
  const { domains, mailsPerHour, filesPerHour, records } = options
  const count = async (kind: string, id: string, max: number, what: string) => {
    // Neither addresses of mail nor of callers are stored.
    const hash = createHash('sha256').update(id).digest('base64url')
    const { count: counted, leftMs } = await records.count(`${kind} ${hash}`, hourMs)
    if (counted <= max) return
    const minutes = Math.ceil(leftMs / 60_000)
    throw new TooManyError(`Too many ${what} within an hour.`, minutes * 60_000)
  }
  const uploads = new Map<string, number>()
  let all = 0
  return {
    recipient(text) {
      const [address] = text.trim() === '' ? [] : readRecipients([text])
      if (address === undefined) return ''
      const domain = address.slice(address.lastIndexOf('@') + 1).toLowerCase()
      if (domains.includes('*') || domains.includes(domain)) return address
      throw new RecipientNotAllowedError(domain)
    },
    file: (caller) => count('files', caller, filesPerHour, 'files from this address'),
    mail: (recipient) =>
      count('mails', recipient.normalize().toLowerCase(), mailsPerHour, 'e-mails to this address'),
    enter(caller) {
      const own = uploads.get(caller) ?? 0
      if (own >= uploadsAtOnce || all >= uploadsOfAll) {
        throw new HeraldError('HERALD_BUSY', 'Too many uploads at once.', {
          remedy: 'Wait until one of them has finished.',
          retryAfterMs: 2000,
        })
      }
      uploads.set(caller, own + 1)
      all += 1
      return () => {
        all -= 1
        const left = (uploads.get(caller) ?? 1) - 1
        if (left > 0) uploads.set(caller, left)
        else uploads.delete(caller)
      }
    },
  }
}

/** An address at a domain that may not get e-mail. */
export class RecipientNotAllowedError extends HeraldError {
  constructor(domain: string) {
    super('HERALD_USAGE', `This service sends no e-mail to addresses at ${domain}.`, {
      remedy: 'Leave the address empty, or use another one.',
    })
  }
}

/** More than a caller may request in an hour. */
export class TooManyError extends HeraldError {
  constructor(message: string, retryAfterMs: number) {
    super('HERALD_BUSY', message, {
      remedy: `Try again in ${Math.ceil(retryAfterMs / 60_000)} minutes.`,
      retryAfterMs,
    })
  }
}
