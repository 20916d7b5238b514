import { shownUrl } from '@herald/runtime'
import { BrokerError } from './broker.js'

/** The error about a URL; `why` is a clause without a secret. */
export type BadUrl = (why: string) => BrokerError

/** `parameters`: those that may be set, whose values are shown. `form`: a sentence without its full stop. */
export function badUrl(url: string, parameters: readonly string[], form: string): BadUrl {
  const shown = JSON.stringify(shownUrl(url, parameters))
  return (why) => new BrokerError('BROKER_BAD_URL', `${shown} ${why}. ${form}.`)
}

/** `rest`: the URL from its host on. Throws if a part of a user or password may be in it. */
export function requireEncoded(rest: string, bad: BadUrl): void {
  if (!rest.includes('@')) return
  throw bad('holds a user or password that is not percent-encoded (@ is %40, / is %2F, ? is %3F)')
}

export function readParameters(
  search: string,
  parameters: readonly string[],
  bad: BadUrl,
): ReadonlyMap<string, string> {
  const query = new Map(new URLSearchParams(search))
  for (const name of query.keys()) {
    if (parameters.includes(name)) continue
    // Without a value it may be the end of a password.
    const what = search.includes(`${name}=`) ? name : 'another parameter'
    throw bad(`sets ${what}, but only ${parameters.join(', ')} can be set`)
  }
  return query
}
