/**
 * The text with possible secrets in its URLs replaced by `***`: the password (`amqp://me:***@host`) and
 * everything from `?` or `#` on (`https://host/path?***`), also of a URL without a host (`/path?***`). It
 * rather hides too much than too little, because a password may contain characters that should have been
 * escaped. Applied to every log line and to /readyz. Takes linear time.
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

/**
 * A URL as a person gave it, which may be malformed, for an error: what may be a password or a token is
 * `***`, and so are the values of parameters that are not in `shownParameters`. Unlike in
 * `withoutUrlSecrets` the text is known to be one URL, so that a secret may hold spaces and quotes.
 */
export function shownUrl(url: string, shownParameters: readonly string[] = []): string {
  const [, scheme, rest = ''] = /^([a-z][a-z\d+.-]*:(?:\/\/)?)(.*)$/is.exec(url) ?? []
  if (scheme === undefined) return withoutUrlSecrets(url)
  const hostAt = rest.lastIndexOf('@')
  const [, hosts = '', path = '', mark = '', query = ''] =
    /^([^/?#]*)([^?#]*)([?#]?)(.*)$/s.exec(rest.slice(hostAt + 1)) ?? []
  const shown =
    hostAt === -1 ? shownHosts(hosts) : `${shownUser(rest.slice(0, hostAt))}***@${hosts}`
  // They are the beginning of a password.
  if (hostAt === -1 && shown !== hosts) return `${scheme}${shown}`
  const values = shownValues(query, mark === '#' ? [] : shownParameters)
  return `${scheme}${shown}${path}${mark}${values}`
}

/** `me:` of `me:secret`; nothing of a token, or of a name that is not encoded. */
const shownUser = (login: string) => /^[\w.%+-]+:/.exec(login)?.[0] ?? ''

/** `host:5672,host2`; of anything else the text before the first colon, if it may be a name. */
function shownHosts(hosts: string): string {
  if (/^(?:(?:\[[\da-f:.]*\]|[\w.-]*)(?::\d*)?(?:,|$))*$/i.test(hosts)) return hosts
  return `${shownUser(hosts)}***`
}

/** `a=***&b=2` if only b is shown; `***` if none is. */
function shownValues(query: string, shown: readonly string[]): string {
  if (query === '' || shown.length === 0) return query && '***'
  return query
    .split('&')
    .map((each) => {
      const [, name = '', value = ''] = /^([A-Za-z][\w.-]*)=(.*)$/s.exec(each) ?? []
      if (shown.includes(name) && !value.includes('#')) return each
      return name === '' ? '***' : `${name}=***`
    })
    .join('&')
}
