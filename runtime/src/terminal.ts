import { columns, cut } from './terminal-text.js'

const styles = {
  bold: 1,
  dim: 2,
  red: 31,
  green: 32,
  yellow: 33,
  blue: 34,
  magenta: 35,
  cyan: 36,
} as const

export type Style = keyof typeof styles

export type Target = 'stdout' | 'stderr'

/** The output of a command: results on standard output, everything else on standard error. */
export interface Terminal {
  /** Writes a line to standard output. */
  print(line: string): void
  /** Writes a line to standard error. */
  log(line: string): void
  /** Shows the current state as the last line, until the next output. Only on a terminal. */
  status(line: string): void
  /**
   * The same with several lines, each narrower than the screen, fewer than its rows; other output
   * goes above them. An empty list removes them.
   */
  live(lines: readonly string[]): void
  /** The current size of the screen for `live`; undefined if it is not a terminal. */
  readonly screen: { readonly columns: number; readonly rows: number } | undefined
  /** The current width; undefined if it is not a terminal. */
  width(target: Target): number | undefined
  /** Colours the text if the target takes colours; the default is standard output. */
  paint(style: Style, text: string, target?: Target): string
}

interface Stream {
  readonly isTTY?: boolean
  readonly columns?: number
  readonly rows?: number
  write(text: string): unknown
}

/** Uses colours on terminals; with `FORCE_COLOR` always, with `NO_COLOR` never. */
export function createTerminal(
  stdout: Stream,
  stderr: Stream,
  env: Readonly<Record<string, string | undefined>>,
): Terminal {
  const isSet = (name: string) => (env[name] ?? '') !== ''
  const forced = isSet('FORCE_COLOR')
    ? !['0', 'false'].includes(env['FORCE_COLOR'] ?? '')
    : undefined
  const wanted = (stream: Stream) =>
    forced ?? (stream.isTTY === true && !isSet('NO_COLOR') && env['TERM'] !== 'dumb')
  const colours = { stdout: wanted(stdout), stderr: wanted(stderr) }
  // If one of the two goes to a pipe or a file, moving the cursor would garble it.
  const isInteractive = stdout.isTTY === true && stderr.isTTY === true && env['TERM'] !== 'dumb'
  // A terminal that does not report its width gets the traditional one.
  const widthOf = (stream: Stream) => Math.max(10, stream.columns || 80)

  let block: readonly string[] = []
  // The screen may have become narrower since, which wraps the lines.
  const rowsOf = (line: string) => Math.max(1, Math.ceil(columns(line) / widthOf(stderr)))
  const toTop = () => {
    const rows = block.reduce((sum, line) => sum + rowsOf(line), 0)
    return rows > 1 ? `\r\u001b[${rows - 1}A` : '\r'
  }
  const clear = () => {
    if (block.length > 0) stderr.write(`${toTop()}\u001b[J`)
  }
  const draw = (lines: readonly string[]) => {
    if (lines.length === 0) {
      clear()
    } else {
      const text = lines.map((line) => `${line}\u001b[K`).join('\n')
      // One write, as a synchronized update, so that nothing flickers.
      stderr.write(`\u001b[?2026h${block.length > 0 ? toTop() : ''}${text}\u001b[J\u001b[?2026l`)
    }
    block = lines
  }
  const above = (stream: Stream, line: string) => {
    const lines = block
    clear()
    block = []
    stream.write(`${line}\n`)
    draw(lines)
  }
  return {
    print: (line) => above(stdout, line),
    log: (line) => above(stderr, line),
    status(line) {
      if (isInteractive) draw(line === '' ? [] : [cut(line, widthOf(stderr) - 1)])
    },
    live(lines) {
      if (isInteractive) draw(lines)
    },
    get screen() {
      return isInteractive ? { columns: widthOf(stderr), rows: stderr.rows || 24 } : undefined
    },
    width(target) {
      const stream = target === 'stdout' ? stdout : stderr
      return stream.isTTY === true ? widthOf(stream) : undefined
    },
    paint: (style, text, target = 'stdout') =>
      colours[target] ? `\u001b[${styles[style]}m${text}\u001b[0m` : text,
  }
}
