import { existsSync, readdirSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'

/** A RabbitMQ that can be started. */
export interface RabbitmqInstallation {
  /** `3.10.8`. */
  readonly version: string
  /** The folder of rabbitmq-server and rabbitmqctl, as they see it. */
  readonly programs: string
  /** A root folder of the system they are made for, if that is not this machine's. */
  readonly root?: string
}

/** The versions that are tested, and how to install each. */
export const rabbitmqVersions = ['3', '4'] as const
export type RabbitmqVersion = (typeof rabbitmqVersions)[number]

const howToInstall: Record<RabbitmqVersion, string> = {
  '3': 'Debian 12: apt install rabbitmq-server',
  '4': 'tests/rabbitmq/install, which needs mmdebstrap',
}

/** The installation, or in one sentence why there is none and what to do. */
export type FoundRabbitmq =
  | { readonly installation: RabbitmqInstallation }
  | { readonly missing: string }

/** Those in /usr/sbin run as the user `rabbitmq` and with Debian's own data folder. */
const debianFolder = '/usr/lib/rabbitmq'

/** Looks in /usr/lib/rabbitmq and in ~/.cache/herald/rabbitmq-VERSION. */
export function findRabbitmq(wanted: RabbitmqVersion, env = process.env): FoundRabbitmq {
  for (const root of [undefined, ...cachedRoots(env)]) {
    const version = versionIn(root)
    if (!version?.startsWith(`${wanted}.`)) continue
    const programs = join(debianFolder, 'bin')
    return { installation: { version, programs, ...(root !== undefined && { root }) } }
  }
  return { missing: `RabbitMQ ${wanted} is not installed (${howToInstall[wanted]})` }
}

/** The newest of those that are tested. */
export function findNewestRabbitmq(): FoundRabbitmq {
  const newest = findRabbitmq('4')
  return 'missing' in newest ? findRabbitmq('3') : newest
}

function cachedRoots(env: NodeJS.ProcessEnv): string[] {
  const cache = join(env['XDG_CACHE_HOME'] || join(env['HOME'] ?? homedir(), '.cache'), 'herald')
  const names = existsSync(cache) ? readdirSync(cache) : []
  return names.filter((name) => /^rabbitmq-[\d.]+$/.test(name)).map((name) => join(cache, name))
}

function versionIn(root = '/'): string | undefined {
  const folder = join(root, debianFolder, 'lib')
  if (!existsSync(folder)) return undefined
  return /rabbitmq_server-(.+)/.exec(readdirSync(folder).join('\n'))?.[1]
}
