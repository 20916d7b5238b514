import { domainToASCII } from 'node:url'
import { HeraldError } from '@herald/proto/errors'
import { escapeControls } from '@herald/runtime/terminal-text'

// RFC 5321 §4.5.3.1.
const maxAddressBytes = 254
const maxLocalBytes = 64

/** An unquoted local part (RFC 5322 dot-atom), widened to UTF-8 (RFC 6531). */
const localPart = /^(?!\.)(?!.*\.\.)(?!.*\.$)[^\p{C}\p{Z}"(),:;<>@[\\\]]+$/u
const domainLabel = /^(?!-)[a-z0-9-]{1,63}(?<!-)$/

/**
 * The e-mail addresses, each once, in order. Throws HERALD_USAGE for the first that is invalid.
 */
export function readRecipients(addresses: readonly string[]): string[] {
  const seen = new Map<string, string>()
  for (const raw of addresses) {
    const address = raw.replace(/^ +| +$/g, '')
    if (!isAddress(address)) {
      throw new HeraldError('HERALD_USAGE', `"${escapeControls(raw)}" is not an e-mail address.`, {
        remedy: 'Give one address with each --notify, such as --notify ada@example.com.',
      })
    }
    const at = address.lastIndexOf('@')
    const same = address.slice(0, at) + address.slice(at).toLowerCase()
    if (!seen.has(same)) seen.set(same, address)
  }
  return [...seen.values()]
}

function isAddress(address: string): boolean {
  const at = address.lastIndexOf('@')
  const local = address.slice(0, at)
  const domain = domainToASCII(address.slice(at + 1))
  return (
    at > 0 &&
    Buffer.byteLength(address) <= maxAddressBytes &&
    Buffer.byteLength(local) <= maxLocalBytes &&
    localPart.test(local) &&
    // The WHATWG parser accepts blanks, ports and percent signs; mail servers do not.
    /^[^\p{C}\p{Z}%/:?#@[\]\\]+$/u.test(address.slice(at + 1)) &&
    domain !== '' &&
    domain.split('.').every((label) => domainLabel.test(label))
  )
}

/** The BCP 47 tag in its canonical form; empty stays empty. Throws HERALD_USAGE. */
export function readLanguage(tag: string): string {
  try {
    return tag === '' ? '' : (Intl.getCanonicalLocales(tag)[0] ?? '')
  } catch (error) {
    throw new HeraldError('HERALD_USAGE', `"${escapeControls(tag)}" is not a language.`, {
      remedy: 'Give a tag such as en, de or pt-BR.',
      cause: error,
    })
  }
}
