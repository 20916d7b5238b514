import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import type { Message } from '@herald/broker'
import { SMTPServer } from 'smtp-server'
import type { BenchStage } from './bench.js'
import { makeEvent } from './events.js'
import type { BenchKafka } from './kafka.js'
import { freshGroup, startNotifier } from './notifier.js'
import { preload } from './preload.js'
import { withResolver } from './with-resolver.js'

/** A mail as the notifier writes it for an event of these benches, for rivals to send. */
export interface CapturedMail {
  /** Its bytes under another Message-ID of the same length or so. */
  named(id: string): string
  /** What whoever composes it anew needs. */
  readonly content: MailContent
}

export interface MailContent {
  readonly subject: string
  readonly text: string
  readonly html: string
}

export async function captureMail(
  stage: BenchStage,
  kafka: BenchKafka,
  event: Message = makeEvent('reader-0@example.com'),
): Promise<CapturedMail> {
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
  const notifier = await startNotifier(stage, {
    broker: kafka.cluster.url,
    topic,
    group: freshGroup(),
    smtpPort: (listening.address() as AddressInfo).port,
    connections: 1,
  })
  const raw = await captured.promise
  // It would go on asking Kafka beside those that are measured.
  await notifier.stop()
  server.close()
  return {
    named: (id) => raw.replace(/^(Message-ID: *<)[^@>]*/im, `$1${id}`),
    content: {
      subject: /^Subject: *(.*)\r$/im.exec(raw)?.[1] ?? '',
      text: partOf(raw, 'text/plain'),
      html: partOf(raw, 'text/html'),
    },
  }
}

/** Of a mail whose parts are quoted-printable, as the notifier's are. */
function partOf(raw: string, mediaType: string): string {
  const from = raw.indexOf('\r\n\r\n', raw.indexOf(`Content-Type: ${mediaType}`)) + 4
  const encoded = raw.slice(from, raw.indexOf('\r\n----', from))
  const bytes = encoded
    .replace(/=\r\n/g, '')
    .replace(/=([0-9A-F]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)))
  return Buffer.from(bytes, 'latin1').toString()
}
