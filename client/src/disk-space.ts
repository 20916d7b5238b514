import { stat, statfs } from 'node:fs/promises'
import { dirname } from 'node:path'
import { HeraldError } from '@herald/proto/errors'
import { displayPath, humanBytes } from '@herald/runtime/terminal-text'

/** What is to be written into a folder, which need not be there yet. */
export interface RoomNeeded {
  /** Absolute. */
  readonly directory: string
  readonly bytes: number
  /** What a person can do besides freeing some: one clause. */
  readonly otherwise: string
}

/** A rendition can be larger than its source, a PNG of a JPEG many times: mostly it is smaller. */
export const renditionFactor = 2

/** The event with its preview, the pages of the store around it, and the store's own first pages. */
const recordBytes = 96 * 1024
const storeBytes = 512 * 1024

/** What the outbox takes for so many events. */
export const outboxBytes = (events: number) => storeBytes + events * recordBytes

/**
 * Looks whether the disks have room for all of it; folders on one disk share its room. Rejects
 * with HERALD_DISK_FULL naming the first that has not. A file system that does not tell is
 * trusted. It promises nothing: others write meanwhile.
 */
export async function requireRoom(needs: readonly RoomNeeded[]): Promise<void> {
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

/** The disk of a folder, or of the nearest one above it that is there; undefined if it does not report its free space. */
async function diskOf(directory: string): Promise<{ device: number; free: number } | undefined> {
  for (let path = directory; ; path = dirname(path)) {
    try {
      const [{ dev }, { bavail, bsize, blocks }] = await Promise.all([stat(path), statfs(path)])
      // Network and special file systems may count no blocks at all.
      return blocks === 0 ? undefined : { device: dev, free: bavail * bsize }
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException
      if (code !== 'ENOENT' || path === dirname(path)) return undefined
    }
  }
}
