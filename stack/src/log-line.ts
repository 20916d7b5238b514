import type { Terminal } from '@herald/runtime/terminal'

/** A line that a program wrote: JSON of its log, or plain text. */
export type LogLine =
  | { readonly text: string }
  | {
      readonly level: number
      readonly message: string
      readonly fields: Fields
      readonly time: Date
    }

export type Fields = Readonly<Record<string, unknown>>

/** Reads a line of pino's JSON. */
export function readLogLine(line: string): LogLine {
  if (!line.startsWith('{')) return { text: line }
  try {
    const { level, time, msg, program: _, ...fields } = JSON.parse(line) as Record<string, unknown>
    if (typeof level !== 'number' || typeof msg !== 'string') return { text: line }
    return { level, message: msg, fields, time: new Date(time as string | number) }
  } catch {
    return { text: line }
  }
}

/** The line for a person: time, message, then the fields as `name=value`. */
export function formatLogLine(line: LogLine, paint: Terminal['paint']): string {
  if ('text' in line) return escapeControls(line.text)
  const { level, message, fields, time } = line
  const facts = Object.entries(fields).flatMap(([name, value]) => {
    const text = valueText(value)
    return text === '' ? [] : [escapeControls(`${name}=${text}`)]
  })
  const text = escapeControls(message)
  return [
    paint('dim', clock(time)),
    level >= 50 ? paint('red', text) : level >= 40 ? paint('yellow', text) : text,
    ...(facts.length > 0 ? [paint('dim', facts.join(' '))] : []),
  ].join('  ')
}

const clock = (time: Date) =>
  Number.isNaN(time.getTime()) ? '--:--:--' : time.toLocaleTimeString('en-GB', { hour12: false })

function valueText(value: unknown): string {
  if (value === undefined || value === null || value === '') return ''
  if (typeof value === 'object' && 'message' in value) {
    // An error: its message; its stack is for the JSON log.
    const { code, message } = value as { code?: unknown; message: unknown }
    return JSON.stringify(code === undefined ? String(message) : `${code}: ${message}`)
  }
  if (typeof value === 'number') return String(Math.round(value * 10) / 10)
  if (Array.isArray(value)) return value.map(valueText).join(',')
  if (typeof value === 'string') return /^[^\s"=]+$/.test(value) ? value : JSON.stringify(value)
  return JSON.stringify(value)
}

/** A control character in a log line could move the cursor of the terminal. */
function escapeControls(text: string): string {
  return text.replace(/[\p{Cc}\p{Zl}\p{Zp}]/gu, (character) => {
    const code = (character.codePointAt(0) ?? 0).toString(16)
    return `\\u${code.padStart(4, '0')}`
  })
}
