/**
 * What an option's value can be, how people write it, and how the contract carries it. `parse` and
 * `decode` return undefined for a value that is not valid.
 */
export interface OptionType<Value = unknown> {
  /** Completes `Invalid width "abc": expected …`. */
  readonly expected: string
  /** Every value as people write it; empty if there are many. */
  readonly choices: readonly string[]
  /** Of a number: the minimum and the maximum. */
  readonly range?: readonly [min: number, max: number]
  /** Reads what a person wrote. */
  parse(text: string): Value | undefined
  /** The value as the contract carries it. */
  encode(value: Value): unknown
  /** Reads what the contract carried. */
  decode(sent: unknown): Value | undefined
  /** Of an option that may be repeated: combines its values. */
  merge?(before: Value, value: Value): Value
}

export function integer(min: number, max: number): OptionType<number> {
  const inRange = (value: unknown) =>
    typeof value === 'number' && value >= min && value <= max ? value : undefined
  return {
    expected: `a whole number from ${min} to ${max}`,
    choices: [],
    range: [min, max],
    parse: (text) => inRange(/^\d{1,12}$/.test(text) ? Number(text) : undefined),
    encode: (value) => value,
    decode: inRange,
  }
}

/** True if it is given. */
export const flag: OptionType<boolean> = {
  expected: 'nothing',
  choices: [],
  parse: () => true,
  encode: (value) => value,
  decode: (sent) => (typeof sent === 'boolean' ? sent : undefined),
}

/** One of `names`, in any case of letters. */
export function oneOf<const Name extends string>(
  names: readonly Name[],
  aliases: Readonly<Record<string, Name>> = {},
): OptionType<Name> {
  return {
    expected: `one of ${names.join(', ')}`,
    choices: names,
    parse(text) {
      const typed = text.toLowerCase()
      return names.find((name) => name === typed) ?? aliases[typed]
    },
    encode: (name) => name,
    decode: (sent) => names.find((name) => name === sent),
  }
}

/** One of `names`, which are an enum in the contract: `northeast` is `PREFIX_NORTHEAST`. */
export function enumName<const Name extends string>(
  prefix: string,
  names: readonly Name[],
  aliases?: Readonly<Record<string, Name>>,
): OptionType<Name> {
  const encode = (name: string) => `${prefix}_${name.toUpperCase()}`
  return {
    ...oneOf(names, aliases),
    encode,
    decode: (sent) => names.find((name) => encode(name) === sent),
  }
}

const metadataNames = ['exif', 'icc', 'gps'] as const
type Metadata = (typeof metadataNames)[number]
const isMetadata = (name: string): name is Metadata =>
  (metadataNames as readonly string[]).includes(name)
const distinct = <Item>(items: readonly Item[]) => [...new Set(items)]

/** `exif,icc`. The location is part of EXIF, so `gps` includes `exif`. */
export const metadata: OptionType<readonly Metadata[]> = {
  expected: 'exif, icc, gps, or all (which is exif,icc), separated by commas',
  choices: [...metadataNames, 'all'],
  parse(text) {
    const names = text.split(',').flatMap((part) => {
      const name = part.trim().toLowerCase()
      // People who write "all" seldom think of the location.
      return name === 'all' ? ['exif', 'icc'] : name
    })
    return names.every(isMetadata) ? distinct(names) : undefined
  },
  encode: (names) => names.map((name) => `KEEP_${name.toUpperCase()}`),
  decode(sent) {
    const names = (sent as readonly string[]).map((item) => item.replace('KEEP_', '').toLowerCase())
    if (!names.every(isMetadata)) return undefined
    return distinct(names.includes('gps') ? ['exif', ...names] : names)
  },
  merge: (before, names) => distinct([...before, ...names]),
}

const thousands = ['', 'k', 'm', 'g']

/** `1500`, `500k`, `1.5M`, `2MB` in powers of 1,000, `2MiB` in powers of 1,024. */
export const byteCount: OptionType<number> = {
  expected: 'a number of bytes such as 1500, 500k, 1.5M or 2MiB',
  choices: [],
  parse(text) {
    const [, count, unit = '', binary] = /^(\d{1,12}(?:\.\d+)?)([kmg]?)(i?)b?$/i.exec(text) ?? []
    const base = binary ? 1024 : 1000
    return this.decode(Math.floor(Number(count) * base ** thousands.indexOf(unit.toLowerCase())))
  },
  encode: (bytes) => bytes,
  decode: (sent) => (Number.isSafeInteger(sent) && Number(sent) >= 1 ? Number(sent) : undefined),
}

const namedColours: Readonly<Record<string, string>> = { white: '#ffffff', black: '#000000' }

/** `#rrggbb` or `#rgb`; `#` may be left out, because a shell may take it for a comment. */
export const colour: OptionType<string> = {
  expected: 'a colour such as ffffff, #f80 or black',
  choices: [],
  parse(text) {
    const named = namedColours[text.toLowerCase()]
    if (named !== undefined) return named
    const digits = /^#?([\da-f]{3}|[\da-f]{6})$/i.exec(text)?.[1]?.toLowerCase()
    if (digits === undefined) return undefined
    return `#${digits.length === 6 ? digits : [...digits].map((digit) => digit + digit).join('')}`
  },
  encode: (value) => value,
  decode: (sent) => (/^#[\da-f]{6}$/i.test(String(sent)) ? String(sent) : undefined),
}

/** People count pages from 1, the contract from 0; so does the value. */
export const page: OptionType<number | 'all'> = {
  expected: 'a page (the first is 1), or all',
  choices: ['all', '1'],
  parse(text) {
    if (text.toLowerCase() === 'all') return 'all'
    return /^[1-9]\d{0,5}$/.test(text) ? Number(text) - 1 : undefined
  },
  encode: (value) => value,
  decode: (sent) => (typeof sent === 'number' ? sent : undefined),
}
