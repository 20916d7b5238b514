import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'

/** A RabbitMQ that can be started. */
export interface RabbitmqInstallation {
  /** `3.10.8`. */
  readonly version: string
  /** The folder of rabbitmq-server and rabbitmqctl. */
  readonly programs: string
}

/** What can be started, or in one sentence why nothing can and what to do. */
export type FoundRabbitmq =
  | { readonly installation: RabbitmqInstallation }
  | { readonly missing: string }

/** Those in /usr/sbin run as the user `rabbitmq` and with Debian's own data folder. */
const debianFolder = '/usr/lib/rabbitmq'

export function findRabbitmq(folder = debianFolder): FoundRabbitmq {
  const programs = join(folder, 'bin')
  if (!existsSync(join(programs, 'rabbitmq-server'))) {
    return {
      missing: `RabbitMQ is not installed in ${folder} (Debian: apt install rabbitmq-server)`,
    }
  }
  const names = readdirSync(join(folder, 'lib'))
  const version = /rabbitmq_server-(.+)/.exec(names.join('\n'))?.[1] ?? 'unknown'
  return { installation: { version, programs } }
}
