import { execFile } from 'node:child_process'
import { readdir } from 'node:fs/promises'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'

/** A NATS server that can be started. */
export interface NatsInstallation {
  /** `2.9.10`. */
  readonly version: string
  readonly program: string
}

/** The versions that are tested, and how to install each. */
export const natsVersions = ['2.9', '2.15'] as const
export type NatsVersion = (typeof natsVersions)[number]

const howToInstall: Record<NatsVersion, string> = {
  '2.9': 'Debian 12: apt install nats-server',
  '2.15': 'tests/nats/install, which needs Go',
}

/** The installation, or in one sentence why there is none and what to do. */
export type FoundNats = { readonly installation: NatsInstallation } | { readonly missing: string }

const run = promisify(execFile)

/** Looks in the PATH and in ~/.cache/herald/nats-VERSION. */
export async function findNats(wanted: NatsVersion, env = process.env): Promise<FoundNats> {
  for (const program of await candidates(env)) {
    const version = await versionOf(program)
    if (version?.startsWith(`${wanted}.`)) return { installation: { version, program } }
  }
  return { missing: `NATS ${wanted} is not installed (${howToInstall[wanted]})` }
}

async function candidates(env: NodeJS.ProcessEnv): Promise<string[]> {
  const cache = join(env['XDG_CACHE_HOME'] || join(env['HOME'] ?? homedir(), '.cache'), 'herald')
  const cached = await readdir(cache).catch(() => [])
  const folders = cached.filter((name) => name.startsWith('nats-')).map((name) => join(cache, name))
  // Debian's is in /usr/sbin, which a user may not have in the PATH.
  return ['nats-server', ...['/usr/sbin', ...folders].map((each) => join(each, 'nats-server'))]
}

async function versionOf(program: string): Promise<string | undefined> {
  try {
    const { stdout } = await run(program, ['--version'])
    return /v(\d+\.\d+\.\d+)/.exec(stdout)?.[1]
  } catch {
    return undefined
  }
}
