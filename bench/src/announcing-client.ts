import { type Announcer, withRelay } from '@herald/client/announcer'
import { loadConfig } from '@herald/client/config'
import { convertAndAnnounce } from '@herald/client/convert-and-announce'
import { v7 as uuidv7 } from 'uuid'
import type { BenchContext } from './bench.js'
import { cannedConverter } from './canned-converter.js'
import { machineMs } from './machine-clock.js'
import { freshData } from './notifier.js'

/** Converts and announces: Herald's client, or its rival. */
export interface BenchAnnouncer {
  /**
   * Converts and announces one file to that address. Resolves once the broker has the event, to the
   * time (`machineMs`) when the file was on disk under its temporary name.
   */
  announce(address: string): Promise<number>
}

/** The client as the CLI and the web page use it, with outbox and relay; conversions take no time. */
export async function openAnnouncingClient(
  context: BenchContext,
  { broker, topic }: { readonly broker: string; readonly topic: string },
): Promise<BenchAnnouncer> {
  const data = freshData(context)
  const config = loadConfig({ HERALD_BROKER: broker, HERALD_TOPIC: topic, HERALD_DATA: data })
  const announcer = await new Promise<Announcer>((resolve, reject) => {
    const running = withRelay(config, (open) => {
      resolve(open)
      return new Promise<void>((close) => {
        context.defer(() => {
          close()
          return running
        })
      })
    })
    running.catch(reject)
  })
  return {
    async announce(address) {
      const conversionId = uuidv7()
      let finishedAt = 0
      const { announcement } = await convertAndAnnounce(
        { converter: cannedConverter, outbox: announcer.outbox },
        {
          ...{ conversionId, runId: conversionId, runSize: 1, topic, source: config.source },
          traceparent: '00-00000000000000000000000000000001-0000000000000001-01',
          recipients: [address],
          language: 'en',
          input: { name: 'dusk.jpg', sizeBytes: 0, async *open() {} },
          renditions: [
            { spec: { format: 'webp' }, finalPath: `${data}/renditions/${conversionId}.webp` },
          ],
          overwrite: false,
          signal: new AbortController().signal,
          onConverted: () => {
            finishedAt = machineMs()
          },
        },
      )
      if (!announcement) throw new Error('nothing was announced')
      const { published, warning } = await announcer.untilPublished(announcement)
      if (!published) throw new Error(warning)
      return finishedAt
    },
  }
}
