import { afterAll, beforeAll, describe } from 'vitest'
import { findNats, type NatsInstallation, type NatsVersion, natsVersions } from './find-nats.js'
import { type NatsCluster, startNatsCluster } from './start-cluster.js'
import { type NatsServer, type StartNatsOptions, startNats } from './start-nats.js'

const found = new Map(
  await Promise.all(
    natsVersions.map(async (version) => [version, await findNats(version)] as const),
  ),
)

/** A `describe` that is skipped if that version cannot be started here; its name then says why. */
export function describeOnNats(version: NatsVersion, name: string, suite: () => void): void {
  const result = found.get(version)
  const leftOut = result && 'missing' in result ? ` (left out: ${result.missing})` : ''
  describe.skipIf(leftOut !== '')(`${name}${leftOut}`, suite)
}

/** One server for the `describe` it is called in, with its own port and data. */
export function useNats(
  version: NatsVersion,
  options: () => Omit<StartNatsOptions, 'installation'> = () => ({}),
) {
  let server: NatsServer | undefined
  beforeAll(async () => {
    server = await startNats({ ...options(), installation: installed(version) })
  })
  afterAll(() => server?.destroy())
  return {
    get server(): NatsServer {
      if (server === undefined) throw new Error('NATS is not started yet')
      return server
    },
    get url(): string {
      return this.server.url
    },
  }
}

/** A cluster of three servers for the `describe` it is called in. */
export function useNatsCluster(version: NatsVersion) {
  let cluster: NatsCluster | undefined
  beforeAll(async () => {
    cluster = await startNatsCluster(installed(version))
  })
  afterAll(() => cluster?.destroy())
  return {
    get cluster(): NatsCluster {
      if (cluster === undefined) throw new Error('the NATS cluster is not started yet')
      return cluster
    },
    get url(): string {
      return this.cluster.url
    },
  }
}

function installed(version: NatsVersion): NatsInstallation {
  const result = found.get(version)
  if (result === undefined || 'missing' in result) throw new Error(result?.missing)
  return result.installation
}
