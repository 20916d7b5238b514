import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** A folder of one run, for what has no other place. */
export interface ScratchFolder {
  /** Its absolute path; made when first asked for, readable by its owner alone. */
  path(): Promise<string>
  /** Removes it and all it holds. Idempotent; does not reject. */
  remove(): Promise<void>
}

export function scratchFolder(): ScratchFolder {
  let made: Promise<string> | undefined
  return {
    path() {
      made ??= mkdtemp(join(tmpdir(), 'herald-'))
      return made
    },
    async remove() {
      const path = await made?.catch(() => undefined)
      if (path !== undefined) await rm(path, { recursive: true, force: true }).catch(() => {})
    },
  }
}
