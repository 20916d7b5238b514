import type { Style, Terminal } from '@herald/runtime/terminal'
import { formatLogLine, type LogLine } from './log-line.js'

const colors: Record<string, Style> = { converter: 'magenta', notifier: 'cyan', inbox: 'green' }

/** Prints the programs' log lines, each after its program's name. */
export function programLog(paint: Terminal['paint'], print: (line: string) => void) {
  return (program: string, line: LogLine): void => {
    const name = paint(colors[program] ?? 'blue', program.padEnd(9))
    print(`${name} ${paint('dim', '│')} ${formatLogLine(line, paint)}`)
  }
}
