import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { credentials } from '@grpc/grpc-js'
import { ConverterService, type ConverterServiceClient } from '@herald/proto/converter'
import { Lifecycle } from '@herald/runtime/lifecycle'
import { silentLogger } from '@herald/runtime/logger'
import { expect } from 'vitest'
import { type ConverterApp, createApp } from '#src/app'
import { type ConverterConfig, loadConfig } from '#src/config'
import { waitFor } from './wait-for.js'

/** A real server on a free port with a spool of its own, and a client of it. */
export interface ConverterUnderTest {
  readonly app: ConverterApp
  readonly address: string
  readonly client: ConverterServiceClient
  /** Resolves when nothing of any conversion is left in the spool: that may outlast the answer. */
  spoolEmpties(): Promise<void>
  /** A clean stop; the client stays usable for calls under way. */
  stop(): Promise<void>
  /** Stops it and removes all it left. */
  close(): Promise<void>
}

export async function startConverter(
  changes: Partial<ConverterConfig> = {},
): Promise<ConverterUnderTest> {
  const spool = await mkdtemp(join(tmpdir(), 'herald-converter-test-'))
  const config = { ...loadConfig(process.env), children: 2, spool, ...changes }
  const lifecycle = new Lifecycle(silentLogger)
  const app = await createApp(config, { lifecycle, logger: silentLogger })
  const address = `127.0.0.1:${await app.listen('127.0.0.1:0')}`
  const client = new ConverterService(address, credentials.createInsecure())
  return {
    app,
    address,
    client,
    spoolEmpties: () =>
      waitFor(async () => {
        const [own = ''] = await readdir(spool)
        const all = await readdir(join(spool, own), { recursive: true })
        // Each child has a folder of its own, as long as it lives.
        expect(all.filter((name) => !/^w-[^/]+$/.test(name))).toEqual([])
      }),
    stop: () => lifecycle.close(),
    async close() {
      client.close()
      await lifecycle.close()
      await rm(spool, { recursive: true, force: true })
    },
  }
}
