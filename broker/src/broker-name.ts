import { createHash } from 'node:crypto'
import { resolve } from 'node:path'

/**
 * Identifies the broker of that URL; may be shown and stored: scheme and sorted hosts, or the absolute
 * folder of an embedded one; never a user, a password or an option.
 */
export function brokerName(url: string): string {
  const [, folder] = /^embedded:([^?]+)/s.exec(url) ?? []
  if (folder !== undefined) return `embedded:${resolve(folder)}`
  const [, scheme, hosts] = /^([a-z][a-z0-9+.-]*):\/\/(?:[^@/?#]*@)?([^@/?#]+)/i.exec(url) ?? []
  if (scheme !== undefined && hosts !== undefined) {
    return `${scheme}://${hosts.toLowerCase().split(',').sort().join(',')}`.toLowerCase()
  }
  // An unreadable URL may contain a password anywhere.
  return `unknown:${digest(url)}`
}

/** The name as part of a key of the store. */
export const brokerKey = (name: string): string => digest(name)

function digest(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 16)
}
