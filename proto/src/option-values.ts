import type { RenditionSpec } from './converter.js'
import { HeraldError } from './errors.js'
import type { OptionType } from './option-types.js'
import {
  flagOf,
  type OptionName,
  optionRows,
  type RenditionOptions,
  type renditionOptions,
} from './rendition-options.js'

type ValueOf<Name extends OptionName> =
  (typeof renditionOptions)[Name]['type'] extends OptionType<infer Value> ? Value : never

/** The values of the options that were given. */
export type OptionValues = { readonly [Name in OptionName]?: ValueOf<Name> }

type NameWithDefault = {
  [Name in OptionName]: (typeof renditionOptions)[Name] extends { readonly default: unknown }
    ? Name
    : never
}[OptionName]

/** The options of a rendition, checked, with the defaults filled in. */
export type RenditionSettings = Readonly<
  { [Name in NameWithDefault]: ValueOf<Name> } & {
    [Name in Exclude<OptionName, NameWithDefault | 'page'>]?: ValueOf<Name>
  } & { page?: number; everyPage: boolean }
>

/** HERALD_BAD_OPTION for a value that is not valid, with the same text in every program. */
export function invalidOption(name: string, value: unknown, expected: string): HeraldError {
  const shown = JSON.stringify(String(value).slice(0, 40))
  return new HeraldError('HERALD_BAD_OPTION', `Invalid ${name} ${shown}: expected ${expected}.`)
}

/** The value that a person wrote. Throws HERALD_BAD_OPTION. */
export function parseOption<Value>(name: string, type: OptionType<Value>, text: string): Value {
  const value = type.parse(text)
  if (value === undefined) throw invalidOption(name, text, type.expected)
  return value
}

/** The options as the contract carries them; those not given are left to the converter. */
export function encodeOptions({ page, ...values }: OptionValues): RenditionOptions {
  const pages = page === 'all' ? { everyPage: true } : page === undefined ? {} : { page }
  const encoded = optionRows.flatMap(([name, { type }]) => {
    const value = (values as OptionValues)[name]
    return value === undefined ? [] : [[name, type.encode(value)]]
  })
  return { ...Object.fromEntries(encoded), ...pages }
}

/**
 * Checks each option that a caller sent, the target format aside. Throws HERALD_BAD_OPTION for a
 * value that is not valid and for options that exclude each other.
 */
export function decodeOptions(spec: RenditionSpec): RenditionSettings {
  const given = givenOptions(spec)
  const settings = optionRows.map(([name, { type, excludes = [], default: defaultValue }]) => {
    if (!given.has(name)) return [name, defaultValue]
    const other = excludes.find((each) => given.has(each as OptionName))
    if (other !== undefined) throw contradiction(flagOf(name), flagOf(other))
    const value = type.decode(spec[name])
    if (value === undefined) throw invalidOption(flagOf(name), spec[name], type.expected)
    return [name, value]
  })
  if (given.has('page') && spec.everyPage) throw contradiction('page', 'every-page')
  const known = Object.fromEntries(settings.filter(([, value]) => value !== undefined))
  return { ...known, everyPage: spec.everyPage ?? false } as RenditionSettings
}

/** The options that a caller sent. */
export function givenOptions(spec: RenditionSpec): ReadonlySet<OptionName> {
  const isGiven = (sent: unknown) =>
    typeof sent === 'string'
      ? sent !== '' && !sent.endsWith('_UNSPECIFIED')
      : sent !== undefined && sent !== false && !(Array.isArray(sent) && sent.length === 0)
  return new Set(optionRows.flatMap(([name]) => (isGiven(spec[name]) ? [name] : [])))
}

/** The settings of a spec that has only a format. */
export const defaultSettings: RenditionSettings = decodeOptions({})

const contradiction = (one: string, other: string) =>
  new HeraldError('HERALD_BAD_OPTION', `${one} and ${other} contradict each other.`, {
    remedy: 'Leave one of them out.',
  })
