import { randomBytes } from 'node:crypto'
import { lstat, readdir, unlink } from 'node:fs/promises'
import { join } from 'node:path'
import {
  parseProcessName,
  processName,
  processNamePattern,
  processState,
} from '@herald/runtime/process-identity'

const pattern = new RegExp(`^\\.herald-(${processNamePattern})-[0-9a-f]{12}\\.part$`)

/** After that long, the file of a process that cannot be looked at is taken for left. */
const foreignMs = 24 * 60 * 60 * 1000

/** A new name in `directory`, of the same file system as the file it becomes, naming who writes it. */
export function temporaryPath(directory: string): string {
  return join(directory, `.herald-${processName}-${randomBytes(6).toString('hex')}.part`)
}

/**
 * Removes from `directory` the temporary files of processes that have ended. `stillWanted` is
 * asked after the folder was read: its answer spares the files that a kept announcement names.
 * What cannot be removed stays.
 */
export async function removeLeftOvers(
  directory: string,
  stillWanted: () => ReadonlySet<string>,
): Promise<void> {
  const names = await readdir(directory).catch(() => [])
  const found = names.filter((name) => pattern.test(name))
  if (found.length === 0) return
  const wanted = stillWanted()
  for (const name of found) {
    const path = join(directory, name)
    if (!wanted.has(path) && (await isLeftOver(path, name))) await unlink(path).catch(() => {})
  }
}

async function isLeftOver(path: string, name: string): Promise<boolean> {
  const [, writer = ''] = pattern.exec(name) ?? []
  const state = processState(parseProcessName(writer))
  if (state !== 'unknown') return state === 'dead'
  const status = await lstat(path).catch(() => undefined)
  return status !== undefined && Date.now() - status.mtimeMs > foreignMs
}
