import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import type { Message } from '@herald/broker'
import { readMail } from '@herald/mailhog/mail'
import { SMTPServer } from 'smtp-server'
import type { BenchContext } from './bench.js'
import { makeEvent } from './events.js'
import type { BenchKafka } from './kafka.js'
import { freshGroup, startNotifier } from './notifier.js'
import { preload } from './preload.js'
import { withResolver } from './with-resolver.js'

/** A mail that the notifier wrote, as options of nodemailer's sendMail; JSON, for another process. */
export interface MailContent {
  readonly subject: string
  readonly text: string
  readonly html: string
  readonly attachments: readonly object[]
}

export async function captureMail(
  context: BenchContext,
  kafka: BenchKafka,
  event: Message = makeEvent('reader-0@example.com'),
): Promise<MailContent> {
  const topic = await preload(kafka, 1, [event])
  const server = new SMTPServer({
    authOptional: true,
    disabledCommands: ['STARTTLS', 'AUTH'],
    onData(stream, _session, done) {
      const parts: Buffer[] = []
      stream.on('data', (part: Buffer) => parts.push(part))
      stream.on('end', () => {
        done()
        captured.resolve(Buffer.concat(parts).toString('latin1'))
      })
    },
  })
  const captured = withResolver<string>()
  const listening = server.listen(0, '127.0.0.1')
  await once(listening, 'listening')
  const notifier = await startNotifier(context, {
    broker: kafka.cluster.url,
    topic,
    group: freshGroup(),
    smtpPort: (listening.address() as AddressInfo).port,
    connections: 1,
  })
  const raw = await captured.promise
  // It would continue to fetch from Kafka during the measurement.
  await notifier.stop()
  server.close()
  const { subject, text, html, attachments } = await readMail('', [], Buffer.from(raw, 'latin1'))
  return {
    subject,
    text,
    html,
    attachments: attachments.map(({ fileName, mediaType, inline, contentId, content }) => ({
      filename: fileName,
      contentType: mediaType,
      contentDisposition: inline ? 'inline' : 'attachment',
      ...(contentId === undefined ? {} : { cid: contentId }),
      content: Buffer.from(content).toString('base64'),
      encoding: 'base64',
    })),
  }
}
