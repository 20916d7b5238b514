import { address, variable } from '@herald/runtime/env'

/** Which converters a client uses. */
export type ConverterTarget =
  /** One converter for each `host:port`. */
  | { readonly kind: 'list'; readonly addresses: readonly string[] }
  /** One converter for each address of the name. */
  | { readonly kind: 'dns'; readonly host: string; readonly port: number }

const defaultConverter = 'localhost:50051'
const dnsScheme = 'dns:///'
const single = address(defaultConverter)

/** Undefined if `text` is not valid. */
export function parseConverterTarget(text: string): ConverterTarget | undefined {
  if (text.startsWith(dnsScheme)) {
    const given = text.slice(dnsScheme.length)
    if (single.parse(given) === undefined) return undefined
    const colon = given.lastIndexOf(':')
    const host = given.slice(0, colon).replace(/^\[|\]$/g, '')
    return { kind: 'dns', host, port: Number(given.slice(colon + 1)) }
  }
  const addresses = text.split(',').map((each) => each.trim())
  const isValid = addresses.every((each) => single.parse(each) !== undefined)
  return isValid && new Set(addresses).size === addresses.length
    ? { kind: 'list', addresses }
    : undefined
}

/** The environment variable that names the converters. */
export const converterVariable = variable(
  (given) => (parseConverterTarget(given) ? given : undefined),
  {
    form: 'host:port, several different ones as host:port,host:port, or dns:///name:port',
    fallback: defaultConverter,
  },
)
