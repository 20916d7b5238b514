import { HeraldError } from '@herald/proto/errors'
import type { RequestHandler } from 'express'
import { isLoopback } from './config.js'

const policy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  // blob: is what the browser itself draws of a file that was chosen.
  "img-src 'self' blob:",
  "connect-src 'self'",
  "form-action 'self'",
  "base-uri 'none'",
  "frame-ancestors 'none'",
].join('; ')

/** What every answer says, whatever it is. */
export const strictHeaders: RequestHandler = (_request, response, next) => {
  response.set({
    'Content-Security-Policy': policy,
    'X-Content-Type-Options': 'nosniff',
    'X-Frame-Options': 'DENY',
    'Referrer-Policy': 'no-referrer',
    'Cross-Origin-Opener-Policy': 'same-origin',
    'Cross-Origin-Resource-Policy': 'same-origin',
    'Permissions-Policy': 'camera=(), microphone=(), geolocation=()',
    'Cache-Control': 'private, no-store',
  })
  next()
}

/**
 * Refuses a Host that is not ours: a name that a stranger's page points at this machine would
 * else make its scripts our own. `hosts`: what may be asked for besides the names of loopback.
 */
export function knownHostsOnly(isLoopbackOnly: boolean, url: string | undefined): RequestHandler {
  const own = url === undefined ? undefined : new URL(url).host
  // In a container it listens on every address, and a page on localhost is loopback's all the same.
  const allowLoopback = isLoopbackOnly || (own !== undefined && isLoopback(own))
  const anyHost = own === undefined && !isLoopbackOnly
  return (request, response, next) => {
    const host = request.headers.host ?? ''
    const known = anyHost || host === own || (allowLoopback && isLoopback(host))
    if (known) next()
    else response.status(421).type('text').send('Herald does not serve this host name.\n')
  }
}

/** Refuses what another site's page sends in a visitor's name. Throws HERALD_USAGE. */
export function sameOriginOnly(
  hasCookie: (cookies: string | undefined) => boolean,
): RequestHandler {
  return (request, _response, next) => {
    const site = request.headers['sec-fetch-site']
    const { origin, host, cookie } = request.headers
    const isOwn =
      site !== undefined
        ? site === 'same-origin'
        : origin === undefined
          ? // No browser: nobody's cookie is sent by chance.
            true
          : origin === 'null'
            ? // Without a referrer a form sends no more; a SameSite cookie comes from our site only.
              hasCookie(cookie)
            : URL.canParse(origin) && new URL(origin).host === host
    if (isOwn) next()
    else next(new ForbiddenError())
  }
}

/** What another site asked for. */
export class ForbiddenError extends HeraldError {
  constructor() {
    super('HERALD_USAGE', 'The request came from another site and was refused.', {
      remedy: 'Open the page itself and try again.',
    })
  }
}
