/**
 * The text with possible secrets in its URLs replaced by `***`: the password
 * (`amqp://me:***@host`) and everything from `?` or `#` on (`https://host/path?***`), also of a
 * URL without a host (`/path?***`). Of parameters in `shown` the value stays. It rather hides too much than too little, because a password may
 * contain characters that should have been escaped. Applied to every log line and to /readyz. Takes
 * linear time.
 */
export function withoutUrlSecrets(text: string, shown: readonly string[] = []): string {
  // Most texts have none of these.
  if (!text.includes('/')) return text
  if (!text.includes('?') && !text.includes('#') && !text.includes('@')) return text
  return text.replace(/[^\s"'<>\\]+/g, (word) => withoutSecrets(word, shown))
}

/** `word` has no spaces and quotes. */
function withoutSecrets(word: string, shownParameters: readonly string[]): string {
  const slash = word.indexOf('/')
  if (slash === -1) return word
  const scheme = word.indexOf('://')
  const shown = scheme === -1 ? word : withoutPassword(word, scheme + 3)
  const query = shown.slice(slash).search(/[?#]./)
  if (query === -1) return shown
  const from = slash + query + 1
  return `${shown.slice(0, from)}${withoutValues(shown.slice(from), shownParameters)}`
}

/** `a=***&b=2` if only b is shown; `***` if none is. */
function withoutValues(query: string, shown: readonly string[]): string {
  if (shown.length === 0) return '***'
  return query
    .split('&')
    .map((each) => {
      const [, name = '', value = ''] = /^([A-Za-z][\w.-]*)=(.*)$/s.exec(each) ?? []
      if (shown.includes(name) && !value.includes('#')) return each
      return name === '' ? '***' : `${name}=***`
    })
    .join('&')
}

function withoutPassword(url: string, userAt: number): string {
  const hostAt = url.lastIndexOf('@')
  const colon = url.indexOf(':', userAt)
  return colon === -1 || colon > hostAt ? url : `${url.slice(0, colon + 1)}***${url.slice(hostAt)}`
}
