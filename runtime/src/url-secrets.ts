/**
 * The text with possible secrets in its URLs replaced by `***`: the password
 * (`amqp://me:***@host`) and everything from `?` or `#` on (`https://host/path?***`), also of a
 * URL without a host (`/path?***`). It rather hides too much than too little, because a password may
 * contain characters that should have been escaped. Applied to every log line and to /readyz. Takes
 * linear time.
 */
export function withoutUrlSecrets(text: string): string {
  // Most texts have none of these.
  if (!text.includes('/')) return text
  if (!text.includes('?') && !text.includes('#') && !text.includes('@')) return text
  return text.replace(/[^\s"'<>\\]+/g, withoutSecrets)
}

/** `word` has no spaces and quotes. */
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
