import { lstat, mkdtemp, readdir, rm, rmdir, unlink } from 'node:fs/promises'
import { join } from 'node:path'
import { HeraldError } from '@herald/proto/errors'
import { createFolder } from '@herald/runtime/create-folder'
import {
  parseProcessName,
  processName,
  processNamePattern,
  processState,
} from '@herald/runtime/process-identity'

/** The folder of uploads and renditions of running conversions. */
export interface Spool {
  /** This process's part of it, in which the children may write. */
  readonly directory: string
  /** A fresh folder for one conversion. The caller removes it. */
  open(): Promise<SpoolFolder>
  /** Removes this process' part of the spool. */
  close(): Promise<void>
}

export interface SpoolFolder {
  /** A path in the folder. `name` must not come from a caller. */
  path(name: string): string
  remove(): Promise<void>
}

const pattern = new RegExp(`^(${processNamePattern})-\\w+$`)

/**
 * Opens the spool under `root`, created if absent, and removes what ended processes left there.
 * Rejects with HERALD_CANNOT_WRITE, or with HERALD_USAGE if the folder is another user's.
 */
export async function openSpool(root: string): Promise<Spool> {
  const directory = await createOwn(root).catch((error: unknown) => {
    if (error instanceof HeraldError) throw error
    throw new HeraldError(
      'HERALD_CANNOT_WRITE',
      `The spool folder ${root} cannot be used: ${(error as Error).message}. Set HERALD_SPOOL to a folder that this user can write to.`,
      { cause: error },
    )
  })
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
          // Deleting known names takes a third of the time of a recursive removal.
          await Promise.allSettled([...paths].map((path) => unlink(path)))
          await rmdir(folder).catch(() => rm(folder, { recursive: true, force: true }))
        },
      }
    },
    close: () => rm(directory, { recursive: true, force: true }),
  }
}

/** Resolves to the folder of this process. */
async function createOwn(root: string): Promise<string> {
  await createFolder(root, 0o700)
  await requireOwnFolder(root)
  await removeLeftovers(root)
  return mkdtemp(join(root, `${processName}-`))
}

/** Another user could have created the folder, to read or replace files in it. */
async function requireOwnFolder(root: string): Promise<void> {
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
    // The state of a process in another container is unknown; its files stay.
    if (owner === undefined || processState(parseProcessName(owner)) !== 'ended') continue
    await rm(join(root, name), { recursive: true, force: true })
  }
}
