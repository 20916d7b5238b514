import { afterAll, beforeAll, describe } from 'vitest'
import { findPostgres, type PostgresInstallation } from './find-postgres.js'
import { type PostgresServer, type StartPostgresOptions, startPostgres } from './start-postgres.js'

const found = await findPostgres()
const leftOut = 'missing' in found ? ` (left out: ${found.missing})` : ''

/** A `describe` that is skipped if PostgreSQL cannot be started here; its name then says why. */
export function describeOnPostgres(name: string, suite: () => void): void {
  describe.skipIf(leftOut !== '')(`${name}${leftOut}`, suite)
}

/** One PostgreSQL for the `describe` it is called in, with its own port and data. */
export function usePostgres(options: Omit<StartPostgresOptions, 'installation'> = {}) {
  let server: PostgresServer | undefined
  let schemas = 0
  beforeAll(async () => {
    server = await startPostgres({ ...options, installation: installed() })
  }, 120_000)
  afterAll(async () => {
    await server?.destroy()
  })
  return {
    get server(): PostgresServer {
      if (server === undefined) throw new Error('PostgreSQL is not started yet')
      return server
    },
    get installation(): PostgresInstallation {
      return installed()
    },
    /** The name of a schema that no other test has, for `?schema=`. */
    newSchema: () => `test_${++schemas}`,
  }
}

function installed(): PostgresInstallation {
  if ('missing' in found) throw new Error(found.missing)
  return found.installation
}
