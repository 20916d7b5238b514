import { mkdirSync, statSync } from 'node:fs'
import { mkdir, stat } from 'node:fs/promises'
import { dirname } from 'node:path'

/**
 * Creates the folder and those above it that are missing; other processes may do the same meanwhile.
 * Rejects with a system error: EEXIST or ENOTDIR if a file is in the way, ENOENT if no folder
 * can be created in one above, such as /proc, where Node's `mkdir` with `recursive` never returns.
 */
export async function createFolder(path: string, mode?: number): Promise<void> {
  try {
    await createOrFind(path, mode)
  } catch (error) {
    const parent = dirname(path)
    if (codeOf(error) !== 'ENOENT' || parent === path) throw error
    await createFolder(parent, mode)
    await createOrFind(path, mode).catch((second: unknown) => {
      throw refusedBy(parent, second)
    })
  }
}

async function createOrFind(folder: string, mode?: number): Promise<void> {
  try {
    await mkdir(folder, { mode })
  } catch (error) {
    if (codeOf(error) !== 'EEXIST' || !(await stat(folder)).isDirectory()) throw error
  }
}

/** The same, blocking; throws. */
export function createFolderSync(path: string): void {
  try {
    createOrFindSync(path)
  } catch (error) {
    const parent = dirname(path)
    if (codeOf(error) !== 'ENOENT' || parent === path) throw error
    createFolderSync(parent)
    try {
      createOrFindSync(path)
    } catch (second) {
      throw refusedBy(parent, second)
    }
  }
}

function createOrFindSync(folder: string): void {
  try {
    mkdirSync(folder)
  } catch (error) {
    if (codeOf(error) !== 'EEXIST' || !statSync(folder).isDirectory()) throw error
  }
}

const codeOf = (error: unknown) => (error as NodeJS.ErrnoException).code

/** "ENOENT: no such file or directory" would mislead: `parent` is there. */
function refusedBy(parent: string, error: unknown): unknown {
  if (codeOf(error) !== 'ENOENT') return error
  const message = `no folder can be created in ${parent}; choose another one`
  return Object.assign(new Error(message, { cause: error }), { code: 'ENOENT', syscall: 'mkdir' })
}
