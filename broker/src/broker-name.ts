import { createHash } from 'node:crypto'
import { resolve } from 'node:path'

/**
 * Identifies the broker of that URL by its scheme and sorted hosts, or by the absolute folder of an
 * embedded one. May be shown and stored: it has no user, password or option.
 */
export function brokerName(url: string): string {
  const [, folder] = /^embedded:([^?]+)/s.exec(url) ?? []
  if (folder !== undefined) return `embedded:${resolve(folder)}`
  const [, scheme, hosts] = /^([a-z][a-z0-9+.-]*):\/\/(?:[^@/?#]*@)?([^@/?#]+)/i.exec(url) ?? []
  if (scheme !== undefined && hosts !== undefined) {
    return `${scheme}://${hosts.toLowerCase().split(',').sort().join(',')}`.toLowerCase()
  }
  // An unreadable URL may contain a password anywhere.
  return `unknown:${shortHash(url)}`
}

/** The name as part of a key of the store. */
export const brokerKey = (name: string): string => shortHash(name)

function shortHash(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 16)
}
