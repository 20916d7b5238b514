import { type Announcer, withRelay } from '@herald/client/announcer'
import { loadConfig } from '@herald/client/config'
import { convertAndAnnounce } from '@herald/client/convert-and-announce'
import { v7 as uuidv7 } from 'uuid'
import type { BenchStage } from './bench.js'
import { cannedConverter } from './canned-converter.js'
import { machineMs } from './machine-clock.js'
import { freshData } from './notifier.js'

/** Whoever converts and announces: Herald's client, or a rival of it. */
export interface Announces {
  /**
   * Converts and announces one file to that address. Resolves once the broker has the event, to
   * when the conversion was finished (by `machineMs`): its file on disk and yet without its name.
   */
  announce(address: string): Promise<number>
}

/** The client as the CLI and the web page have it, its outbox and relay with it; a conversion is done at once. */
export async function openAnnouncingClient(
  stage: BenchStage,
  { broker, topic }: { readonly broker: string; readonly topic: string },
): Promise<Announces> {
  const data = freshData(stage)
  const config = loadConfig({ HERALD_BROKER: broker, HERALD_TOPIC: topic, HERALD_DATA: data })
  const announcer = await new Promise<Announcer>((resolve, reject) => {
    const running = withRelay(config, (open) => {
      resolve(open)
      return new Promise<void>((close) => {
        stage.defer(() => {
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
