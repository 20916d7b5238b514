import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'

/** Programs of others that look at what we make. `tests/strangers/install` brings them. */
const cache = join(homedir(), '.cache', 'herald', 'strangers')

export interface Stranger {
  readonly command: string
  /** Why it is not here; undefined where it is. */
  readonly missing: string | undefined
}

/** A program on the PATH or among those installed for the tests. */
export function findStranger(name: string, versionFlag: string): Stranger {
  const installed = join(cache, 'bin', name)
  const command = existsSync(installed) ? installed : name
  const found = spawnSync(command, [versionFlag]).error === undefined
  return { command, missing: found ? undefined : `${name} is not installed` }
}

/** The Python that has the CloudEvents SDK. */
export function findPython(): Stranger {
  const command = join(cache, 'python', 'bin', 'python')
  const missing = existsSync(command)
    ? undefined
    : 'the CloudEvents SDK for Python is not installed'
  return { command, missing }
}
