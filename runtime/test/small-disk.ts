import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, statfsSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** Why no small disk can be made here; else empty. It needs Linux and root. */
export const noSmallDisk =
  process.platform === 'linux' && process.getuid?.() === 0 && canMount()
    ? ''
    : ' (left out: to mount a small disk takes Linux and root)'

export interface SmallDisk {
  readonly path: string
  /** Leaves so many bytes free, to the page. */
  fill(leaveBytes?: number): void
  /** Undoes fill. */
  empty(): void
  remove(): void
}

/** A real disk of `bytes`, in memory. */
export function mountSmallDisk(bytes: number): SmallDisk {
  const path = mkdtempSync(join(tmpdir(), 'herald-small-disk-'))
  execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${bytes}`, 'tmpfs', path])
  const ballast = join(path, 'ballast')
  return {
    path,
    fill(leaveBytes = 0) {
      const { bavail, bsize } = statfsSync(path)
      try {
        writeFileSync(ballast, Buffer.alloc(Math.max(0, bavail * bsize - leaveBytes)))
      } catch (error) {
        // Another process may have filled it first: then it is as full as requested.
        if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error
      }
    },
    empty: () => rmSync(ballast),
    remove() {
      execFileSync('umount', ['-l', path])
      rmSync(path, { recursive: true })
    },
  }
}

function canMount(): boolean {
  try {
    const disk = mountSmallDisk(64 * 1024)
    disk.remove()
    return true
  } catch {
    return false
  }
}
