import type { Keep } from '@herald/proto/converter'
import { InvalidArgumentError } from '@herald/runtime/command-line'

/** Each value of an option that may be repeated. */
export const collect = (value: string, before: readonly string[] = []) => [...before, value]

/** `webp,avif`, repeatedly. */
export function list(value: string, before: readonly string[] = []): string[] {
  const names = value.split(',').filter((name) => name.trim() !== '')
  if (names.length === 0) throw new InvalidArgumentError('Name a format such as webp.')
  return [...before, ...names]
}

export function whole(min: number, max: number) {
  return (value: string) => {
    const number = /^\d{1,9}$/.test(value) ? Number(value) : Number.NaN
    if (number >= min && number <= max) return number
    throw new InvalidArgumentError(`Give a whole number from ${min} to ${max}.`)
  }
}

export function oneOf<Name extends string>(names: readonly Name[]) {
  return (value: string): Name => {
    const name = names.find((each) => each === value.toLowerCase())
    if (name !== undefined) return name
    throw new InvalidArgumentError(`Choose one of ${names.join(', ')}.`)
  }
}

const milliseconds: Record<string, number> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 }
const longestTimerMs = 2 ** 31 - 1

/** In milliseconds: `500ms`, `30s`, `10m`, `2h`. */
export function duration(value: string): number {
  const [, count, unit] = /^(\d{1,9})(ms|s|m|h)$/.exec(value) ?? []
  const total = Number(count) * (milliseconds[unit ?? ''] ?? Number.NaN)
  if (total >= 1 && total <= longestTimerMs) return total
  throw new InvalidArgumentError('Give a duration such as 500ms, 30s or 10m.')
}

const thousands = ['', 'k', 'm', 'g']

/** In bytes: `1500`, `500k`, `1.5M`, `2MB` in powers of 1,000, `2MiB` in powers of 1,024. */
export function amountOfBytes(value: string): number {
  const [, count, unit = '', binary] = /^(\d{1,12}(?:\.\d+)?)([kmg]?)(i?)b?$/i.exec(value) ?? []
  const base = binary ? 1024 : 1000
  const total = Math.floor(Number(count) * base ** thousands.indexOf(unit.toLowerCase()))
  if (total >= 1 && Number.isSafeInteger(total)) return total
  throw new InvalidArgumentError('Give an amount of bytes such as 500k or 2M.')
}

/** A page from 1 (returned from 0, as the contract has it), or all pages, a file each. */
export function page(value: string): number | 'all' {
  if (value.toLowerCase() === 'all') return 'all'
  if (/^[1-9]\d{0,5}$/.test(value)) return Number(value) - 1
  throw new InvalidArgumentError('Give a page (the first is 1), or all.')
}

const namedColours: Record<string, string> = { white: '#ffffff', black: '#000000' }

/** `#rrggbb` from `#rrggbb` or `#rgb`, with or without `#` (which a shell may take for a comment). */
export function colour(value: string): string {
  const named = namedColours[value.toLowerCase()]
  if (named) return named
  const digits = /^#?([\da-f]{3}|[\da-f]{6})$/i.exec(value)?.[1]?.toLowerCase()
  if (digits?.length === 6) return `#${digits}`
  if (digits) return `#${[...digits].map((digit) => digit + digit).join('')}`
  throw new InvalidArgumentError('Give a colour such as ffffff or black.')
}

const keeps: Record<string, readonly Keep[]> = {
  exif: ['KEEP_EXIF'],
  icc: ['KEEP_ICC'],
  gps: ['KEEP_GPS'],
  // People who write "all" seldom think of the location.
  all: ['KEEP_EXIF', 'KEEP_ICC'],
}

/** `exif,icc`, repeatedly; each once. */
export function metadata(value: string, before: readonly Keep[] = []): Keep[] {
  const kept = value.split(',').flatMap((name) => {
    const known = keeps[name.trim().toLowerCase()]
    if (known) return known
    throw new InvalidArgumentError('Give exif, icc, gps, or all, which is exif,icc.')
  })
  return [...new Set([...before, ...kept])]
}
