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

/** Where a command says things: results on standard output, everything else on standard error. */
export interface Terminal {
  /** One line of result. */
  print(line: string): void
  /** One line for the person in front of it. */
  log(line: string): void
  /** What goes on now: the last line, replaced by the next word. Nothing where nobody looks. */
  status(line: string): void
  /**
   * The same with several lines, each narrower than the screen, fewer than its rows; what is
   * printed or told meanwhile goes above them. None: they are taken away.
   */
  live(lines: readonly string[]): void
  /** Where `live` is seen; undefined where nobody looks. As it is now. */
  readonly screen: { readonly columns: number; readonly rows: number } | undefined
  /** The columns of a line now; undefined where it is no terminal. */
  width(target: Target): number | undefined
  /** Coloured for standard output, or for standard error. */
  paint(style: Style, text: string, target?: Target): string
}

interface Stream {
  readonly isTTY?: boolean
  readonly columns?: number
  readonly rows?: number
  write(text: string): unknown
}

/** Colours for a terminal that takes them; with `FORCE_COLOR` always, with `NO_COLOR` never. */
export function createTerminal(
  stdout: Stream,
  stderr: Stream,
  env: Readonly<Record<string, string | undefined>>,
): Terminal {
  const said = (name: string) => (env[name] ?? '') !== ''
  const forced = said('FORCE_COLOR')
    ? !['0', 'false'].includes(env['FORCE_COLOR'] ?? '')
    : undefined
  const wanted = (stream: Stream) =>
    forced ?? (stream.isTTY === true && !said('NO_COLOR') && env['TERM'] !== 'dumb')
  const colours = { stdout: wanted(stdout), stderr: wanted(stderr) }
  // With one of the two in a pipe or a file, moving the cursor would garble what is kept.
  const seen = stdout.isTTY === true && stderr.isTTY === true && env['TERM'] !== 'dumb'
  // Of a terminal that does not tell: the size they had for decades.
  const widthOf = (stream: Stream) => Math.max(10, stream.columns || 80)

  let block: readonly string[] = []
  // The screen may have become narrower since, and have broken the lines.
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
      // In one write, as one picture where the terminal knows how: nothing flickers.
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
      if (seen) draw(line === '' ? [] : [cut(line, widthOf(stderr) - 1)])
    },
    live(lines) {
      if (seen) draw(lines)
    },
    get screen() {
      return seen ? { columns: widthOf(stderr), rows: stderr.rows || 24 } : undefined
    },
    width(target) {
      const stream = target === 'stdout' ? stdout : stderr
      return stream.isTTY === true ? widthOf(stream) : undefined
    },
    paint: (style, text, target = 'stdout') =>
      colours[target] ? `\u001b[${styles[style]}m${text}\u001b[0m` : text,
  }
}
