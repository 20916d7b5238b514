import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import type { BrokerFeatures } from '#src/broker'
import { features as embedded } from '#src/drivers/embedded'
import { features as kafka } from '#src/drivers/kafka'
import { features as nats } from '#src/drivers/nats'
import { features as rabbitmq } from '#src/drivers/rabbitmq'

const page = fileURLToPath(new URL('../../docs/brokers.md', import.meta.url))
const drivers = { embedded, 'Apache Kafka': kafka, 'NATS JetStream': nats, RabbitMQ: rabbitmq }

const yesOrNo = (claim: boolean) => (claim ? 'yes' : 'no')
const rows: readonly (readonly [string, (features: BrokerFeatures) => string])[] = [
  ['machines', ({ severalMachines }) => (severalMachines ? 'any number' : 'one')],
  ['several groups each get every event', ({ groups }) => yesOrNo(groups)],
  [
    'consumers of one group',
    ({ consumersPerGroup }) =>
      consumersPerGroup === 'shared'
        ? 'share the partitions'
        : 'one is active, the others are on standby',
  ],
  ['partitions', ({ partitions }) => yesOrNo(partitions)],
  ['order', ({ orderPerKey }) => (orderPerKey ? 'for each key' : 'none')],
  [
    'an acknowledged event survives `kill -9` of every process',
    ({ survivesKill }) => yesOrNo(survivesKill),
  ],
  [
    'and a power failure of all machines, by default',
    ({ survivesPowerLoss }) => yesOrNo(survivesPowerLoss),
  ],
  [
    'a new group begins with',
    ({ replay }) => (replay ? 'the oldest event kept' : 'the next event'),
  ],
  ['lag', ({ lagDelayMs }) => (lagDelayMs === 0 ? 'exact' : `up to ${lagDelayMs} ms old`)],
  ['largest message', ({ maxMessageBytes }) => `${maxMessageBytes.toLocaleString('en')} bytes`],
]

function markdownTable(): string {
  const header = ['', ...Object.keys(drivers)]
  const body = rows.map(([name, cell]) => [name, ...Object.values(drivers).map(cell)])
  return [header, header.map(() => '---'), ...body]
    .map((row) => `| ${row.join(' | ')} |`)
    .join('\n')
}

test('docs/brokers.md shows what the drivers declare (else: npx vitest run broker/test/brokers-page -u)', async () => {
  const text = await readFile(page, 'utf8')
  const shown = /(?<=<!-- table -->\n).*(?=\n<!-- end -->)/s
  expect(text).toMatch(shown)
  await expect(text.replace(shown, () => markdownTable())).toMatchFileSnapshot(page)
})
