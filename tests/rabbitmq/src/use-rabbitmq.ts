import { mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe } from 'vitest'
import { findRabbitmq } from './find-rabbitmq.js'
import { type RabbitmqServer, type StartRabbitmqOptions, startRabbitmq } from './start-rabbitmq.js'

/** RabbitMQ ends the session of a member that gives no sign of life after two seconds. */
const shortSession = 'sessionTimeoutMs=2000'

const found = findRabbitmq()
const leftOut = 'missing' in found ? ` (left out: ${found.missing})` : ''

/** A `describe` that is skipped if RabbitMQ is not installed; its name then says why. */
export function describeOnRabbitmq(name: string, suite: () => void): void {
  describe.skipIf(leftOut !== '')(`${name}${leftOut}`, suite)
}

/** One RabbitMQ for the `describe` it is called in, with its own ports and data. */
export function useRabbitmq(options: Omit<StartRabbitmqOptions, 'installation' | 'folder'> = {}) {
  let server: RabbitmqServer | undefined
  beforeAll(async () => {
    if ('missing' in found) throw new Error(found.missing)
    const folder = await mkdtemp(join(tmpdir(), 'herald-rabbitmq-'))
    server = await startRabbitmq({ ...options, installation: found.installation, folder })
  }, 120_000)
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
