import { join } from 'node:path'
import { type BrokerError, openBroker } from '@herald/broker'
import { natsVersions } from '@herald/nats'
import { describeOnNats, useNats } from '@herald/nats/use-nats'
import { silentLogger } from '@herald/runtime/logger'
import { mountSmallDisk, noSmallDisk, type SmallDisk } from '@herald/runtime/test/small-disk'
import { afterAll, describe, expect, onTestFinished, test } from 'vitest'
import { useFixture } from './conformance/fixture.js'

describe.skipIf(noSmallDisk !== '')(`a file system that is full${noSmallDisk}`, () => {
  for (const version of natsVersions) {
    describeOnNats(version, `on NATS ${version}`, () => {
      let disk: SmallDisk
      afterAll(() => disk?.remove())
      const nats = useNats(version, () => {
        disk = mountSmallDisk(32 * 1024 * 1024)
        return { folder: join(disk.path, 'nats') }
      })
      const fixture = useFixture(async () => ({ url: nats.url, dispose: async () => {} }))

      test('a publish fails in bounded time, and after a restart with room nothing acknowledged is lost', async () => {
        const broker = await openBroker(`${nats.url}?publishTimeoutMs=2000`, {
          logger: silentLogger,
        })
        onTestFinished(() => broker.close())
        const message = (id: string) => ({
          key: 'k',
          value: Buffer.alloc(1000, 1),
          headers: { id: Buffer.from(id) },
        })
        const acknowledged: string[] = []
        const publish = async (id: string) => {
          await broker.publish(fixture.topic, [message(id)])
          acknowledged.push(id)
        }
        await publish('with room')
        disk.fill()
        let refusal: BrokerError | undefined
        let tookMs = 0
        for (let number = 0; refusal === undefined && number < 1000; number += 1) {
          const startedAt = performance.now()
          await publish(`${number}`).catch((error: BrokerError) => {
            refusal = error
            tookMs = performance.now() - startedAt
          })
        }
        expect(refusal).toMatchObject({ retryable: true })
        console.log(
          `nats ${version}, file system full: ${acknowledged.length} acknowledged; the error after ${Math.round(tookMs)} ms: ${refusal?.message}`,
        )

        disk.empty()
        await nats.server.restart()
        const got = new Set<string>()
        await broker.subscribe({ topic: fixture.topic, group: 'after' }, async ({ headers }) => {
          got.add(Buffer.from(headers['id'] ?? []).toString())
        })
        await fixture.until(() => {
          // What was refused may be there as well.
          expect([...got].filter((id) => acknowledged.includes(id))).toEqual(acknowledged)
        })
        await publish('with room again')
        await fixture.until(() => expect(got).toContain('with room again'))
      }, 120_000)
    })
  }
})
