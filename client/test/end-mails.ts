import { openBroker } from '@herald/broker'
import { fromMessage } from '@herald/broker/message'
import { outcomeTopic, toOutcomeMessage } from '@herald/broker/outcome-message'
import { outcomeTypes } from '@herald/proto/outcomes'
import { silentLogger } from '@herald/runtime/logger'
import { v7 } from 'uuid'
import { onTestFinished } from 'vitest'

/** A consumer that ends every mail as a notifier would: ada's is taken, bob's refused, eve's not known. */
export async function endMails(brokerUrl: string): Promise<void> {
  const broker = await openBroker(brokerUrl, { logger: silentLogger })
  onTestFinished(() => broker.close())
  const topic = 'notifications'
  await broker.subscribe({ topic, group: 'notifier' }, async (delivery) => {
    const { envelope, event } = fromMessage(delivery)
    const recipient = event.data.recipient?.address ?? ''
    const { conversionId } = event.data
    const notification = {
      ...{ conversionId, runId: '', recipient, messageId: '<1@x>', channel: 'mail' },
      eventIds: [envelope.id],
    }
    const ended = { notification, attempts: 1, firstAttemptAtUnixMs: 1 }
    if (recipient.startsWith('eve')) return
    const outcome = recipient.startsWith('ada')
      ? {
          type: outcomeTypes.delivered,
          data: { ...ended, reply: '250 2.0.0 Ok: queued as 4F2B1', deliveredAtUnixMs: 2 },
        }
      : {
          type: outcomeTypes.failed,
          data: {
            ...ended,
            reason: '550 no such user',
            failedAtUnixMs: 2,
            possiblyDelivered: false,
          },
        }
    const message = toOutcomeMessage(
      { id: v7(), source: '/test', time: new Date(), subject: conversionId },
      outcome,
    )
    await broker.publish(outcomeTopic(topic), [message])
  })
}
