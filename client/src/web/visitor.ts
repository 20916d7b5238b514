import { createHash } from 'node:crypto'
import type { Request, Response } from 'express'
import { newToken } from './records.js'
import { languages } from './words.js'

const pattern = /(?:^|;\s*)herald=([\w-]{22})(?:;|$)/

/** What the browser is known by: nothing but a random number. */
const cookieOf = (header: string | undefined) => pattern.exec(header ?? '')?.[1]

export const hasCookie = (header: string | undefined) => cookieOf(header) !== undefined

/** Whose history it is; the records do not hold the cookie itself. */
export function ownerOf(request: Request): string | undefined {
  const cookie = cookieOf(request.headers.cookie)
  return cookie && createHash('sha256').update(cookie).digest('base64url').slice(0, 22)
}

/** The same, with a cookie given to a browser that has none. */
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

/** The language to answer in, by Accept-Language. */
export function languageOf(request: Request, response: Response): string {
  response.vary('Accept-Language')
  return request.acceptsLanguages(...languages) || 'en'
}

/** Who calls, as far as limits go: an IPv6 caller has at least 2^64 addresses. */
export function callerOf({ ip = '' }: Request): string {
  if (!ip.includes(':') || ip.startsWith('::ffff:')) return ip
  return ip.split(':').slice(0, 4).join(':')
}
