import { relative } from 'node:path'
import stringWidth from 'string-width'

/**
 * Makes text from outside safe for a terminal and a log: characters that move the cursor, break the
 * line, change the reading direction or are invisible are written as escapes.
 */
export function escapeControls(text: string): string {
  // The joiners are kept: scripts and emoji need them, and they are harmless.
  return text.replace(/(?![\u200c\u200d])[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/gu, escaped)
}

const shortEscapes: Record<string, string> = { '\n': '\\n', '\r': '\\r', '\t': '\\t' }

function escaped(character: string): string {
  const code = character.codePointAt(0) ?? 0
  return (
    shortEscapes[character] ??
    (code < 0x100
      ? `\\x${code.toString(16).padStart(2, '0')}`
      : `\\u{${code.toString(16).padStart(4, '0')}}`)
  )
}

/** JSON on one line; control characters are written as `\uXXXX`. */
export function jsonLine(value: unknown): string {
  return JSON.stringify(value).replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, (character) =>
    [...Array(character.length).keys()]
      .map((at) => `\\u${character.charCodeAt(at).toString(16).padStart(4, '0')}`)
      .join(''),
  )
}

/** The columns that the text takes in a terminal. */
export const columns = (text: string): number => stringWidth(text)

/** More code units than any character has; the longest are emoji of several people. */
const maxUnitsPerColumn = 16

const characters = new Intl.Segmenter(undefined, { granularity: 'grapheme' })

/**
 * The text in at most `width` columns. A longer text loses its middle, so that the end of a file
 * name stays. Takes bounded time. Not for coloured text.
 */
export function cut(text: string, width: number): string {
  const maxUnits = (width + 1) * maxUnitsPerColumn
  const isShort = text.length <= 2 * maxUnits
  return cutShort(isShort ? text : `${text.slice(0, maxUnits)}${text.slice(-maxUnits)}`, width)
}

function cutShort(text: string, width: number): string {
  if (columns(text) <= width) return text
  if (width < 2) return width === 1 ? '…' : ''
  const all = [...characters.segment(text)].map(({ segment }) => segment)
  const tail = Math.floor((width - 1) * 0.4)
  const end = leading(all.toReversed(), tail).toReversed().join('')
  return `${leading(all, width - 1 - columns(end)).join('')}…${end}`
}

/** A path in at most `width` columns. A longer one loses its folders first. */
export function cutPath(path: string, width: number): string {
  if (path.length > 4096) return cut(path, width)
  if (columns(path) <= width) return path
  const parts = path.split('/')
  for (let from = 1; from < parts.length; from++) {
    const rest = ['…', ...parts.slice(from)].join('/')
    if (columns(rest) <= width) return rest
  }
  return cut(parts.at(-1) ?? '', width)
}

/** Lines of at most `width` columns, broken between words if possible. */
export function wrapped(text: string, width: number): string[] {
  const lines: string[] = []
  let line = ''
  for (const word of text.split(' ')) {
    const longer = line === '' ? word : `${line} ${word}`
    if (line !== '' && columns(longer) > width) {
      lines.push(line)
      line = word
    } else line = longer
  }
  return [...lines, line]
}

/** The first characters that fit into `width` columns. */
function leading(all: readonly string[], width: number): string[] {
  let left = width
  const beyond = all.findIndex((segment) => {
    left -= columns(segment)
    return left < 0
  })
  return all.slice(0, beyond < 0 ? all.length : beyond)
}

/** The text, padded with spaces to `width` columns. */
export function padded(text: string, width: number): string {
  return text + ' '.repeat(Math.max(0, width - columns(text)))
}

/** `184 kB`, `1.2 MB`: powers of 1,000, at most three digits. */
export function humanBytes(bytes: number): string {
  if (bytes < 1000) return `${bytes} B`
  let value = bytes
  let unit = ''
  for (const next of ['kB', 'MB', 'GB', 'TB']) {
    if (value < 999.5) break
    value /= 1000
    unit = next
  }
  return `${value < 9.95 ? value.toFixed(1) : Math.round(value)} ${unit}`
}

/** `412 ms`, `1.3 s`, `2 min 5 s`, `3 h`, `2 d`. */
export function humanDuration(milliseconds: number): string {
  if (milliseconds < 999.5) return `${Math.round(milliseconds)} ms`
  if (milliseconds < 59_950) return `${(milliseconds / 1000).toFixed(1).replace(/\.0$/, '')} s`
  const seconds = Math.round(milliseconds / 1000)
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ${seconds % 60} s`
  return seconds < 172_800 ? `${Math.floor(seconds / 3600)} h` : `${Math.floor(seconds / 86_400)} d`
}

/** `−85 %`, `+12 %`, `±0 %`; from ten times as much on, `×11`. */
export function humanChange(from: number, to: number): string {
  const rounded = from === 0 ? 0 : Math.round((to / from - 1) * 100)
  if (rounded === 0) return '±0 %'
  if (rounded > 999) return `×${Math.round(to / from)}`
  // Only an empty file is 100 % smaller.
  const percent = to > 0 ? Math.max(rounded, -99) : rounded
  return `${percent < 0 ? '−' : '+'}${Math.abs(percent)} %`
}

/** An absolute path for a message: relative to the current folder if below it. */
export function displayPath(path: string, cwd = process.cwd()): string {
  const near = relative(cwd, path)
  return escapeControls(near === '' || near.startsWith('..') ? path : near)
}

/** Lines with aligned columns, two spaces between them. */
export function table(rows: readonly (readonly string[])[]): string[] {
  const widths = (rows[0] ?? []).map((_, at) =>
    Math.max(...rows.map((row) => columns(row[at] ?? ''))),
  )
  return rows.map((row) =>
    row
      .map((cell, at) => padded(cell, widths[at] ?? 0))
      .join('  ')
      .trimEnd(),
  )
}
