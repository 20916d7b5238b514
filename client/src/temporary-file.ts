import { createHash, randomBytes } from 'node:crypto'
import { lstat, readdir, unlink } from 'node:fs/promises'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { isAlive, thisProcess } from '@herald/runtime/process-identity'

const pattern = /^\.herald-([0-9a-f]{8})-(\d+)-(\d*)-[0-9a-f]{12}\.part$/

/** A process id means something on its own machine only. */
const machine = createHash('sha256').update(hostname()).digest('hex').slice(0, 8)

/** After that long, what another machine left here is taken for left. */
const foreignMs = 24 * 60 * 60 * 1000

/** A new name in `directory`, of the same file system as the file it becomes, naming who writes it. */
export function temporaryPath(directory: string): string {
  const { pid, startedAt } = thisProcess
  return join(
    directory,
    `.herald-${machine}-${pid}-${startedAt}-${randomBytes(6).toString('hex')}.part`,
  )
}

/**
 * Removes from `directory` the temporary files of processes that are no more. `stillWanted` is
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
  const [, where, pid, startedAt] = pattern.exec(name) ?? []
  if (where === machine) return !isAlive({ pid: Number(pid), startedAt: startedAt ?? '' })
  const status = await lstat(path).catch(() => undefined)
  return status !== undefined && Date.now() - status.mtimeMs > foreignMs
}
