import type { ReceivedFormat } from '@herald/proto/converter'

/** A format that is asked for. */
export interface Target {
  /** The converter's name for it; what was typed, where it has none. */
  readonly format: string
  /** The extension of its files, without the dot. */
  readonly extension: string
  /** The converter writes it. */
  readonly offered: boolean
}

/**
 * The formats asked for, each once, in order. A format answers to its name and to its
 * extensions, in any case: `jpeg`, `jpg`, `.JPG`.
 */
export function resolveTargets(
  requested: readonly string[],
  formats: readonly ReceivedFormat[],
): Target[] {
  const targets = new Map<string, Target>()
  for (const raw of requested) {
    const typed = raw.trim().replace(/^\./, '').toLowerCase()
    const found =
      formats.find(({ name }) => name === typed) ??
      formats.find(({ extensions }) => extensions.includes(typed))
    const format = found?.name ?? typed
    targets.set(format, {
      format,
      extension: found?.extensions[0] ?? typed,
      offered: found?.writable ?? false,
    })
  }
  return [...targets.values()]
}
