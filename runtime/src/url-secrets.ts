/**
 * The text with what may be secret in the URLs of it replaced by `***`: the password
 * (`amqp://me:***@host`) and everything from `?` or `#` on (`https://host/path?***`), also of a
 * URL without a host (`/path?***`). It hides too much rather than too little, since a password may
 * hold what should have been escaped. Every log line and /readyz go through it. Takes time linear
 * in the text.
 */
export function withoutUrlSecrets(text: string): string {
  // Nearly every text has none of these.
  if (!text.includes('/')) return text
  if (!text.includes('?') && !text.includes('#') && !text.includes('@')) return text
  return text.replace(/[^\s"'<>\\]+/g, withoutSecrets)
}

/** `word`: without blanks and quotes. */
function withoutSecrets(word: string): string {
  const slash = word.indexOf('/')
  if (slash === -1) return word
  const scheme = word.indexOf('://')
  const shown = scheme === -1 ? word : withoutPassword(word, scheme + 3)
  const query = shown.slice(slash).search(/[?#]./)
  return query === -1 ? shown : `${shown.slice(0, slash + query + 1)}***`
}

function withoutPassword(url: string, userAt: number): string {
  const hostAt = url.lastIndexOf('@')
  const colon = url.indexOf(':', userAt)
  return colon === -1 || colon > hostAt ? url : `${url.slice(0, colon + 1)}***${url.slice(hostAt)}`
}
