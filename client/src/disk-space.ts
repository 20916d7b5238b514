import { stat, statfs } from 'node:fs/promises'
import { dirname } from 'node:path'
import { HeraldError } from '@herald/proto/errors'
import { displayPath, humanBytes } from '@herald/runtime/terminal-text'

/** Bytes to be written to a folder, which may not exist yet. */
export interface SpaceNeeded {
  /** Absolute. */
  readonly directory: string
  readonly bytes: number
  /** What a person can do except to free space: one clause. */
  readonly otherwise: string
}

/** Renditions are mostly smaller than their source; a PNG made of a JPEG can be many times larger. */
export const renditionFactor = 2

/** An event with its preview and the store's pages for it; the store's own pages. */
const recordBytes = 96 * 1024
const storeBytes = 512 * 1024

/** The space that the outbox needs for so many events. */
export const outboxBytes = (events: number) => storeBytes + events * recordBytes

/**
 * Checks that the disks have enough free space; folders on one disk share it. Rejects with
 * HERALD_DISK_FULL for the first folder without. Skips file systems that do not report their free
 * space. A later write can fail all the same: other programs use the disk, too.
 */
export async function requireSpace(needs: readonly SpaceNeeded[]): Promise<void> {
  const byDisk = new Map<number, { bytes: number; free: number }>()
  for (const { directory, bytes, otherwise } of needs) {
    const disk = await diskOf(directory)
    if (disk === undefined) continue
    const taken = byDisk.get(disk.device) ?? { bytes: 0, free: disk.free }
    taken.bytes += bytes
    byDisk.set(disk.device, taken)
    if (taken.bytes <= taken.free) continue
    throw new HeraldError(
      'HERALD_DISK_FULL',
      `The disk of ${displayPath(directory)} is too full: it has ${humanBytes(taken.free)} left, ` +
        `and this may take ${humanBytes(taken.bytes)}. Nothing was converted.`,
      { remedy: `Free up some space, or ${otherwise}.` },
    )
  }
}

/** The disk of a folder or of its nearest existing parent; undefined if it does not report its free space. */
async function diskOf(directory: string): Promise<{ device: number; free: number } | undefined> {
  for (let path = directory; ; path = dirname(path)) {
    try {
      const [{ dev }, { bavail, bsize, blocks }] = await Promise.all([stat(path), statfs(path)])
      // Some network and special file systems report no blocks.
      return blocks === 0 ? undefined : { device: dev, free: bavail * bsize }
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException
      if (code !== 'ENOENT' || path === dirname(path)) return undefined
    }
  }
}
