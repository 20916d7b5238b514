import type { Terminal } from '@herald/runtime/terminal'

/** What a command is given besides its own arguments. */
export interface CommandContext {
  readonly env: Readonly<Record<string, string | undefined>>
  readonly terminal: Terminal
  /** Aborted when the user wants it to stop. */
  readonly signal: AbortSignal
}
