import { padded } from './terminal-text.js'

const styles = { bold: 1, dim: 2, red: 31, green: 32, yellow: 33, cyan: 36 } as const

/** Where a command says things: results on standard output, everything else on standard error. */
export interface Terminal {
  /** One line of result. */
  print(line: string): void
  /** One line for the person in front of it. */
  tell(line: string): void
  /** What goes on now: the last line, replaced by the next word. Nothing where nobody looks. */
  status(line: string): void
  /** Coloured for standard output, or for standard error. */
  paint(style: keyof typeof styles, text: string, target?: 'stdout' | 'stderr'): string
}

interface Stream {
  readonly isTTY?: boolean
  readonly columns?: number
  write(text: string): unknown
}

export function createTerminal(
  stdout: Stream,
  stderr: Stream,
  env: Readonly<Record<string, string | undefined>>,
): Terminal {
  const colourful = (env['NO_COLOR'] ?? '') === '' && env['TERM'] !== 'dumb'
  const colours = {
    stdout: colourful && stdout.isTTY === true,
    stderr: colourful && stderr.isTTY === true,
  }
  const live = stderr.isTTY === true && env['TERM'] !== 'dumb'
  let statusShown = false
  const clear = () => {
    if (statusShown) stderr.write('\r\u001b[K')
    statusShown = false
  }
  return {
    print(line) {
      clear()
      stdout.write(`${line}\n`)
    },
    tell(line) {
      clear()
      stderr.write(`${line}\n`)
    },
    status(line) {
      if (!live) return
      clear()
      if (line === '') return
      // A wrapped line could not be taken back.
      const room = Math.max(10, (stderr.columns ?? 80) - 1)
      stderr.write([...padded(line, 0)].slice(0, room).join(''))
      statusShown = true
    },
    paint: (style, text, target = 'stdout') =>
      colours[target] ? `\u001b[${styles[style]}m${text}\u001b[0m` : text,
  }
}
