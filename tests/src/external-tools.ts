import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'

/** External programs that check Herald. `tests/external-tools/install` installs them. */
const cache = join(homedir(), '.cache', 'herald', 'external-tools')

export interface ExternalTool {
  readonly command: string
  /** The reason if it is missing; undefined if it is installed. */
  readonly missing: string | undefined
}

/** A program on the PATH or among those installed for the tests. */
export function findTool(name: string, versionFlag: string): ExternalTool {
  const installed = join(cache, 'bin', name)
  const command = existsSync(installed) ? installed : name
  const found = spawnSync(command, [versionFlag]).error === undefined
  return { command, missing: found ? undefined : `${name} is not installed` }
}

/** The Python that has the CloudEvents SDK. */
export function findPython(): ExternalTool {
  const command = join(cache, 'python', 'bin', 'python')
  const missing = existsSync(command)
    ? undefined
    : 'the CloudEvents SDK for Python is not installed'
  return { command, missing }
}
