import { mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe } from 'vitest'
import {
  findRabbitmq,
  type RabbitmqInstallation,
  type RabbitmqVersion,
  rabbitmqVersions,
} from './find-rabbitmq.js'
import { type RabbitmqCluster, startRabbitmqCluster } from './start-cluster.js'
import { type RabbitmqServer, type StartRabbitmqOptions, startRabbitmq } from './start-rabbitmq.js'

/** RabbitMQ ends the session of a member that gives no sign of life after two seconds. */
const shortSession = 'sessionTimeoutMs=2000'

const found = new Map(rabbitmqVersions.map((version) => [version, findRabbitmq(version)] as const))

/** The newest version that is installed, else the newest that is tested. */
export const newestRabbitmq: RabbitmqVersion =
  rabbitmqVersions.findLast((version) => 'installation' in (found.get(version) ?? {})) ?? '4'

/** A `describe` that is skipped if that version is not installed; its name then says why. */
export function describeOnRabbitmq(
  version: RabbitmqVersion,
  name: string,
  suite: () => void,
): void {
  const result = found.get(version)
  const leftOut = result && 'missing' in result ? ` (left out: ${result.missing})` : ''
  describe.skipIf(leftOut !== '')(`${name}${leftOut}`, suite)
}

/** A cluster of three nodes for the `describe` it is called in. */
export function useRabbitmqCluster(version: RabbitmqVersion) {
  let cluster: RabbitmqCluster | undefined
  beforeAll(async () => {
    const folder = await mkdtemp(join(tmpdir(), 'herald-rabbitmq-'))
    cluster = await startRabbitmqCluster(installed(version), folder)
  })
  afterAll(() => cluster?.destroy())
  return {
    get cluster(): RabbitmqCluster {
      if (cluster === undefined) throw new Error('RabbitMQ is not started yet')
      return cluster
    },
    /** With the short session. */
    get url(): string {
      return `${this.cluster.url}?${shortSession}`
    },
  }
}

/** One RabbitMQ for the `describe` it is called in, with its own ports and data. */
export function useRabbitmq(
  version: RabbitmqVersion,
  options: Omit<StartRabbitmqOptions, 'installation' | 'folder'> = {},
) {
  let server: RabbitmqServer | undefined
  beforeAll(async () => {
    const folder = await mkdtemp(join(tmpdir(), 'herald-rabbitmq-'))
    server = await startRabbitmq({ ...options, installation: installed(version), folder })
  })
  afterAll(async () => {
    await server?.destroy()
  })
  return {
    get server(): RabbitmqServer {
      if (server === undefined) throw new Error('RabbitMQ is not started yet')
      return server
    },
    /** With the short session. */
    get url(): string {
      return `${this.server.url}?${shortSession}`
    },
  }
}

function installed(version: RabbitmqVersion): RabbitmqInstallation {
  const result = found.get(version)
  if (result === undefined || 'missing' in result) throw new Error(result?.missing)
  return result.installation
}
