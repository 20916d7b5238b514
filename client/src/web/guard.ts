import { HeraldError } from '@herald/proto/errors'
import type { RequestHandler } from 'express'
import { isLoopback } from './config.js'

const policy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  // blob: is for previews of chosen files.
  "img-src 'self' blob:",
  "connect-src 'self'",
  "form-action 'self'",
  "base-uri 'none'",
  "frame-ancestors 'none'",
].join('; ')

/** Sets the security headers of every response. */
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
 * Refuses requests for other hosts: with DNS rebinding, scripts of another site could otherwise
 * read this page as their own. Allowed are the host of `url` and, on loopback, its names.
 */
export function knownHostsOnly(isLoopbackOnly: boolean, url: string | undefined): RequestHandler {
  const own = url === undefined ? undefined : new URL(url).host
  // In a container it listens on all addresses, and may still be used by localhost only.
  const allowLoopback = isLoopbackOnly || (own !== undefined && isLoopback(own))
  const anyHost = own === undefined && !isLoopbackOnly
  return (request, response, next) => {
    const host = request.headers.host ?? ''
    const known = anyHost || host === own || (allowLoopback && isLoopback(host))
    if (known) next()
    else response.status(421).type('text').send('Herald does not serve this host name.\n')
  }
}

/** Refuses requests that another site's page sends (CSRF). Calls next with ForbiddenError. */
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
          ? // Not a browser: it sends no visitor's cookie.
            true
          : origin === 'null'
            ? // A form without a referrer; a SameSite cookie is sent by our own site only.
              hasCookie(cookie)
            : URL.canParse(origin) && new URL(origin).host === host
    if (isOwn) next()
    else next(new ForbiddenError())
  }
}

/** A request from another site. */
export class ForbiddenError extends HeraldError {
  constructor() {
    super('HERALD_USAGE', 'The request came from another site and was refused.', {
      remedy: 'Open the page itself and try again.',
    })
  }
}
