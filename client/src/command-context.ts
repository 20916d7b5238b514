import type { Terminal } from '@herald/runtime/terminal'
import type { StandardInput, StandardOutput } from './standard-streams.js'

/** What a command is given besides its own arguments. */
export interface CommandContext {
  readonly env: Readonly<Record<string, string | undefined>>
  readonly terminal: Terminal
  /** For bytes, not for words. */
  readonly stdin: StandardInput
  /** For bytes, not for words. */
  readonly stdout: StandardOutput
  /** Aborted when the user wants it to stop. */
  readonly signal: AbortSignal
}
