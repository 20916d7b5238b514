import { HeraldError } from '@herald/proto/errors'
import { RateLimiterMemory, RateLimiterRes } from 'rate-limiter-flexible'
import { readRecipients } from '../recipients.js'

export interface LimitOptions {
  /** Domains that may get e-mail, `*` for any; empty: none. */
  readonly domains: readonly string[]
  readonly mailsPerHour: number
  readonly filesPerHour: number
}

/** Limits what visitors may do. Each refusal is a HeraldError that may be shown. */
export interface Limits {
  /** The address without blanks; empty stays empty. Throws HERALD_USAGE if it may not get e-mail. */
  recipient(address: string): string
  /** Counts a file. Rejects with HERALD_BUSY. */
  file(caller: string): Promise<void>
  /** Counts an announcement. Rejects with HERALD_BUSY. */
  mail(recipient: string): Promise<void>
  /** Counts an upload until the function it returns is called. Throws HERALD_BUSY. */
  enter(caller: string): () => void
}

const hour = 3600
const uploadsAtOnce = 8
const uploadsOfAll = 64

export function createLimits({ domains, mailsPerHour, filesPerHour }: LimitOptions): Limits {
  const files = new RateLimiterMemory({ points: filesPerHour, duration: hour })
  const mails = new RateLimiterMemory({ points: mailsPerHour, duration: hour })
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
    file: (caller) => count(files, caller, 'files from this address'),
    mail: (recipient) =>
      count(mails, recipient.normalize().toLowerCase(), 'e-mails to this address'),
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

async function count(limiter: RateLimiterMemory, key: string, what: string): Promise<void> {
  try {
    await limiter.consume(key)
  } catch (error) {
    if (!(error instanceof RateLimiterRes)) throw error
    const minutes = Math.ceil(error.msBeforeNext / 60_000)
    throw new TooManyError(`Too many ${what} within an hour.`, minutes * 60_000)
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
