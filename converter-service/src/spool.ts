import { lstat, mkdir, mkdtemp, readdir, rm, rmdir, unlink } from 'node:fs/promises'
import { join } from 'node:path'
import { HeraldError } from '@herald/proto/errors'
import {
  parseProcessName,
  processName,
  processNamePattern,
  processState,
} from '@herald/runtime/process-identity'

/** Where uploads and renditions lie while a conversion is under way. */
export interface Spool {
  /** This process' part of it: what the children may write in. */
  readonly directory: string
  /** A fresh folder for one conversion. The caller removes it. */
  open(): Promise<SpoolFolder>
  /** Removes this process' part of the spool. */
  close(): Promise<void>
}

export interface SpoolFolder {
  /** A path in the folder; `name` is ours, never a caller's. */
  path(name: string): string
  remove(): Promise<void>
}

const pattern = new RegExp(`^(${processNamePattern})-\\w+$`)

/** Opens the spool under `root`, made when absent, and removes what dead processes left there. */
export async function openSpool(root: string): Promise<Spool> {
  await mkdir(root, { recursive: true, mode: 0o700 })
  await requireOurs(root)
  await removeLeftovers(root)
  const own = join(root, `${processName}-`)
  const directory = await mkdtemp(own)
  return {
    directory,
    async open() {
      const folder = await mkdtemp(join(directory, 'c-'))
      const paths = new Set<string>()
      return {
        path(name) {
          const path = join(folder, name)
          paths.add(path)
          return path
        },
        async remove() {
          // Looking for what is in it takes three times as long as knowing.
          await Promise.allSettled([...paths].map((path) => unlink(path)))
          await rmdir(folder).catch(() => rm(folder, { recursive: true, force: true }))
        },
      }
    },
    close: () => rm(directory, { recursive: true, force: true }),
  }
}

/** Another user could have made the folder first, to read what is put there or to swap it. */
async function requireOurs(root: string): Promise<void> {
  const { uid } = await lstat(root)
  const own = process.getuid?.()
  if (own !== undefined && uid !== own) {
    throw new HeraldError(
      'HERALD_USAGE',
      `The spool folder ${root} belongs to another user. Set HERALD_SPOOL to a folder of your own.`,
    )
  }
}

async function removeLeftovers(root: string): Promise<void> {
  for (const name of await readdir(root)) {
    const [, owner] = pattern.exec(name) ?? []
    // What belongs to a process that cannot be looked at, in another container, is left alone.
    if (owner === undefined || processState(parseProcessName(owner)) !== 'dead') continue
    await rm(join(root, name), { recursive: true, force: true })
  }
}
