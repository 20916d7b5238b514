import { readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { isProcessRunning, parseProcessName, processName } from '@herald/runtime/process-identity'

/**
 * The folder in `directory` for the files that this process receives. Removes those of processes that
 * have ended.
 */
export async function openIncoming(directory: string): Promise<string> {
  for (const name of await readdir(directory).catch(() => [])) {
    if (isProcessRunning(parseProcessName(name))) continue
    await rm(join(directory, name), { recursive: true, force: true })
  }
  return join(directory, processName)
}
