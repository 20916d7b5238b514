import { z } from 'zod'
import { withoutUrlSecrets } from './url-secrets.js'

/** What is wrong with a configuration: every fault at once, one line each. */
export class ConfigurationError extends Error {
  override readonly name = 'ConfigurationError'
  readonly faults: readonly string[]

  constructor(faults: readonly string[]) {
    super(
      `The configuration has ${faults.length === 1 ? 'a fault' : `${faults.length} faults`}:\n${faults.map((fault) => `  ${fault}`).join('\n')}`,
    )
    this.faults = faults
  }
}

interface VariableOptions {
  /** The expected form, for the error message: `smtp://host:port`. */
  form: string
  /** The value is never shown. */
  secret?: boolean
}

const options = new WeakMap<z.ZodType, VariableOptions>()

/** Says what form a variable has, so that its error can tell. Put it outermost. */
export function variable<T extends z.ZodType>(schema: T, described: VariableOptions): T {
  options.set(schema, described)
  return schema
}

/**
 * Reads `shape`'s variables from `env`. An empty value counts as absent.
 * Throws ConfigurationError naming every fault: variable, expected form, value.
 */
export function loadEnv<S extends Record<string, z.ZodType>>(
  shape: S,
  env: Readonly<Record<string, string | undefined>>,
): Readonly<{ [K in keyof S]: z.output<S[K]> }> {
  const faults: string[] = []
  const values: Record<string, unknown> = {}
  for (const [name, schema] of Object.entries(shape)) {
    const raw = env[name] === '' ? undefined : env[name]
    const result = schema.safeParse(raw)
    if (result.success) values[name] = result.data
    else faults.push(describeFault(name, raw, options.get(schema)))
  }
  if (faults.length > 0) throw new ConfigurationError(faults)
  return Object.freeze(values) as Readonly<{ [K in keyof S]: z.output<S[K]> }>
}

function describeFault(name: string, raw: string | undefined, described?: VariableOptions): string {
  const expected = described ? `, expected ${described.form}` : ''
  if (raw === undefined) return `${name} is not set${expected}`
  return `${name}=${described?.secret ? '(hidden)' : withoutUrlSecrets(raw)} is not valid${expected}`
}

/** `host:port`; an IPv6 host in brackets. */
export const address = (fallback: string) =>
  variable(
    z
      .string()
      .regex(/^(\[[0-9a-fA-F:.]+\]|[^\s:/[\]]+):\d{1,5}$/)
      .refine((text) => Number(text.slice(text.lastIndexOf(':') + 1)) < 65_536)
      .default(fallback),
    { form: 'host:port' },
  )

/** A whole number between `min` and `max`. */
export const integer = (fallback: number, min: number, max: number) =>
  variable(
    z
      .string()
      .regex(/^\d+$/)
      .transform(Number)
      .pipe(z.number().min(min).max(max))
      .default(fallback),
    { form: `a whole number from ${min} to ${max}` },
  )

const powers = ['', 'k', 'm', 'g']

/** An amount of bytes: `1500`, `24k`, `100M` (1k = 1,000), `2GiB` (1Ki = 1,024). */
export const bytes = (fallback: string) =>
  variable(
    z
      .string()
      .regex(/^\d+([kmg]i?b?)?$/i)
      .default(fallback)
      .transform((text) => {
        const unit = text.replace(/\d+/, '').toLowerCase()
        const base = unit.includes('i') ? 1024 : 1000
        return Number.parseInt(text, 10) * base ** powers.indexOf(unit.charAt(0))
      })
      .refine(Number.isSafeInteger),
    { form: 'an amount of bytes such as 24k, 100M or 2GiB' },
  )

const durationUnits: Record<string, number> = {
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
}

/** A duration in milliseconds, written `250ms`, `30s`, `5m`, `2h`, `7d`. */
export const duration = (fallback: string) =>
  variable(
    z
      .string()
      .regex(/^\d+(ms|s|m|h|d)$/)
      .default(fallback)
      .transform(
        (text) => Number.parseInt(text, 10) * (durationUnits[text.replace(/\d+/, '')] ?? 1),
      )
      .refine(Number.isSafeInteger),
    { form: 'a duration such as 250ms, 30s, 5m, 2h or 7d' },
  )

/** One of `names`. */
export const oneOf = <const N extends readonly [string, ...string[]]>(
  names: N,
  fallback: N[number],
) => variable(z.enum(names).default(fallback as never), { form: `one of ${names.join(', ')}` })

/** The level below which a program's log lines are dropped. */
export const logLevel = () => oneOf(['debug', 'info', 'warn', 'error', 'silent'], 'info')
