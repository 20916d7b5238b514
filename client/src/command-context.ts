import type { Terminal } from '@herald/runtime/terminal'
import type { StandardInput, StandardOutput } from './standard-streams.js'

/** What a command gets besides its arguments. */
export interface CommandContext {
  readonly env: Readonly<Record<string, string | undefined>>
  readonly terminal: Terminal
  /** For binary data; texts go to `terminal`. */
  readonly stdin: StandardInput
  /** For binary data; texts go to `terminal`. */
  readonly stdout: StandardOutput
  /** Aborted by Ctrl-C or SIGTERM. */
  readonly signal: AbortSignal
}
