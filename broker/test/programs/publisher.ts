// publisher URL TOPIC: publishes until it is killed. One line per message acknowledged: its id.
import { writeSync } from 'node:fs'
import { openBroker } from '@herald/broker'
import { silentLogger } from '@herald/runtime/logger'

const [url = '', topic = ''] = process.argv.slice(2)
const broker = await openBroker(url, { logger: silentLogger })

async function publishUntilKilled(lane: number): Promise<never> {
  for (let batch = 0; ; batch += 1) {
    const ids = Array.from({ length: 5 }, (_, index) => `${lane}/${batch}/${index}`)
    await broker.publish(
      topic,
      ids.map((id) => ({ key: String(lane), value: Buffer.from(id), headers: {} })),
    )
    writeSync(1, ids.map((id) => `${id}\n`).join(''))
  }
}

await Promise.all([0, 1, 2, 3].map(publishUntilKilled))
