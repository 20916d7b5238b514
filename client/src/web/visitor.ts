import { createHash } from 'node:crypto'
import type { Request, Response } from 'express'
import { newToken } from './records.js'
import { languages } from './words.js'

const pattern = /(?:^|;\s*)herald=([\w-]{22})(?:;|$)/

/** The browser's id, a random number. */
const cookieOf = (header: string | undefined) => pattern.exec(header ?? '')?.[1]

export const hasCookie = (header: string | undefined) => cookieOf(header) !== undefined

/** The owner of the history: a hash, because records do not store the cookie. */
export function ownerOf(request: Request): string | undefined {
  const cookie = cookieOf(request.headers.cookie)
  return cookie && createHash('sha256').update(cookie).digest('base64url').slice(0, 22)
}

/** The same; sets a cookie if the browser has none. */
export function requireOwner(
  request: Request,
  response: Response,
  { keepMs, url }: { readonly keepMs: number; readonly url: string | undefined },
): string {
  const cookie = cookieOf(request.headers.cookie) ?? newToken()
  request.headers.cookie = `herald=${cookie}`
  response.cookie('herald', cookie, {
    httpOnly: true,
    sameSite: 'lax',
    secure: request.secure || url?.startsWith('https:') === true,
    path: '/',
    maxAge: keepMs,
  })
  return ownerOf(request) as string
}

/** The language of the response, by Accept-Language. */
export function languageOf(request: Request, response: Response): string {
  response.vary('Accept-Language')
  return request.acceptsLanguages(...languages) || 'en'
}

/** The caller's address for limits; of IPv6 the first 64 bits, the network of one customer. */
export function callerOf({ ip = '' }: Request): string {
  if (!ip.includes(':') || ip.startsWith('::ffff:')) return ip
  return ip.split(':').slice(0, 4).join(':')
}
