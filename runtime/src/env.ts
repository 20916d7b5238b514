import { shownUrl } from './url-secrets.js'

/** All errors of a configuration, one line each. */
export class ConfigurationError extends Error {
  override readonly name = 'ConfigurationError'
  readonly errors: readonly string[]

  constructor(errors: readonly string[]) {
    super(
      `The configuration has ${errors.length === 1 ? 'an error' : `${errors.length} errors`}:\n${errors.map((error) => `  ${error}`).join('\n')}`,
    )
    this.errors = errors
  }
}

/**
 * A value that cannot be read. `message` is a clause about the value that names the wrong part, and
 * holds no secret: "it names no host".
 */
export class InvalidValue extends TypeError {
  override readonly name = 'InvalidValue'
}

export interface VariableOptions {
  /** The expected form, for the error message: `smtp://host:port`. */
  readonly form: string
  /** The value if the variable is absent. */
  readonly fallback?: string
  /** It may be absent; its value is then undefined. */
  readonly optional?: boolean
  /** The value is never printed. */
  readonly secret?: boolean
  /** Of a URL: the parameters whose values are printed. */
  readonly shownParameters?: readonly string[]
}

/** How one environment variable is read. */
export interface Variable<T> extends VariableOptions {
  /** Returns undefined, or throws, if the text is not valid; InvalidValue explains why. */
  parse(text: string): T | undefined
}

/** What `loadEnv` returns for variables like these. */
type Values<S extends Readonly<Record<string, Variable<unknown>>>> = {
  readonly [K in keyof S]: S[K] extends Variable<infer T>
    ? S[K] extends { readonly optional: true }
      ? T | undefined
      : T
    : never
}

/** A variable of any form. */
export const variable = <T, const O extends VariableOptions>(
  parse: (text: string) => T | undefined,
  options: O,
): Variable<T> & O => ({ ...options, parse })

/** A text that matches `pattern`. */
export const text = <const O extends VariableOptions>(pattern: RegExp, options: O) =>
  variable((given) => (pattern.test(given) ? given : undefined), options)

/** The same variable, with fewer values allowed. */
export const restricted = <T>(
  inner: Variable<T>,
  isAllowed: (value: T) => boolean,
  form: string,
): Variable<T> => ({
  ...inner,
  form,
  parse(given) {
    const value = inner.parse(given)
    return value !== undefined && isAllowed(value) ? value : undefined
  },
})

/**
 * Reads `variables` from `env`. An empty value counts as absent.
 * Throws ConfigurationError with every error: variable, value, expected form.
 */
export function loadEnv<S extends Readonly<Record<string, Variable<unknown>>>>(
  variables: S,
  env: Readonly<Record<string, string | undefined>>,
): Values<S> {
  const errors: string[] = []
  const values: Record<string, unknown> = {}
  for (const [name, each] of Object.entries(variables)) {
    const given = env[name] || each.fallback
    if (given === undefined && each.optional) continue
    if (given === undefined) {
      errors.push(`${name} is not set: expected ${each.form}.`)
      continue
    }
    const { value, why } = parsed(each, given)
    if (value === undefined) errors.push(describeError(name, given, each, why))
    values[name] = value
  }
  if (errors.length > 0) throw new ConfigurationError(errors)
  return Object.freeze(values) as Values<S>
}

function parsed<T>(
  variable: Variable<T>,
  given: string,
): { readonly value?: T | undefined; readonly why?: string } {
  try {
    return { value: variable.parse(given) }
  } catch (error) {
    return error instanceof InvalidValue ? { why: error.message } : {}
  }
}

function describeError(
  name: string,
  given: string,
  { form, secret, shownParameters }: VariableOptions,
  why?: string,
): string {
  const shown = secret ? '(hidden)' : JSON.stringify(shownUrl(given, shownParameters))
  return `Invalid ${name} ${shown}: ${why === undefined ? '' : `${why}; `}expected ${form}.`
}

const hostAndPort = /^(?:\[[0-9a-fA-F:.]+\]|[^\s:/[\]]+):(\d{1,5})$/

/** `host:port`; an IPv6 host in brackets. */
export const address = (fallback: string) =>
  variable((given) => (Number(hostAndPort.exec(given)?.[1]) < 65_536 ? given : undefined), {
    form: 'host:port',
    fallback,
  })

/** A whole number between `min` and `max`. */
export const integer = (fallback: number, min: number, max: number) =>
  variable(
    (given) => {
      const value = /^\d+$/.test(given) ? Number(given) : Number.NaN
      return value >= min && value <= max ? value : undefined
    },
    { form: `a whole number from ${min} to ${max}`, fallback: String(fallback) },
  )

/** `pattern` has the number as its first group and the unit as its second. */
function amount(given: string, pattern: RegExp, factorOf: (unit: string) => number) {
  const [, number, unit = ''] = pattern.exec(given) ?? []
  const value = number === undefined ? Number.NaN : Number(number) * factorOf(unit)
  return Number.isSafeInteger(value) ? value : undefined
}

const powers = ['', 'k', 'm', 'g']

function factorOfBytes(unit: string): number {
  const base = unit.includes('i') ? 1024 : 1000
  return base ** powers.indexOf(unit.charAt(0))
}

/** An amount of bytes: `1500`, `24k`, `100M` (1k = 1,000), `2GiB` (1Ki = 1,024). */
export const bytes = (fallback: string) =>
  variable((given) => amount(given.toLowerCase(), /^(\d+)((?:[kmg]i?b?)?)$/, factorOfBytes), {
    form: 'an amount of bytes such as 24k, 100M or 2GiB',
    fallback,
  })

const durationUnits: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
}

/** A duration in milliseconds, written `250ms`, `30s`, `5m`, `2h`, `7d`. */
export const duration = (fallback: string) =>
  variable(
    (given) => amount(given, /^(\d+)(ms|s|m|h|d)$/, (unit) => durationUnits[unit] ?? Number.NaN),
    { form: 'a duration such as 250ms, 30s, 5m, 2h or 7d', fallback },
  )

/** One of `names`. */
export const oneOf = <const N extends readonly [string, ...string[]]>(
  names: N,
  fallback: N[number],
) =>
  variable((given) => names.find((name): name is N[number] => name === given), {
    form: `one of ${names.join(', ')}`,
    fallback,
  })

/** The level below which a program's log lines are dropped. */
export const logLevel = () => oneOf(['debug', 'info', 'warn', 'error', 'silent'], 'info')
