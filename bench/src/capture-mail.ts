import type { AddressInfo } from 'node:net'
import { SMTPServer } from 'smtp-server'
import type { BenchStage } from './bench.js'
import { makeEvents } from './events.js'
import type { BenchKafka } from './kafka.js'
import { freshGroup, startNotifier } from './notifier.js'
import { preload } from './preload.js'

/** A mail as the notifier writes it for an event of these benches, for rivals to send. */
export interface CapturedMail {
  /** Its bytes under another Message-ID of the same length or so. */
  named(id: string): string
}

export async function captureMail(stage: BenchStage, kafka: BenchKafka): Promise<CapturedMail> {
  const topic = await preload(kafka, 1, makeEvents(1))
  let server: SMTPServer | undefined
  const raw = await new Promise<string>((resolve, reject) => {
    server = new SMTPServer({
      authOptional: true,
      disabledCommands: ['STARTTLS', 'AUTH'],
      onData(stream, _session, done) {
        const parts: Buffer[] = []
        stream.on('data', (part: Buffer) => parts.push(part))
        stream.on('end', () => {
          done()
          resolve(Buffer.concat(parts).toString('latin1'))
        })
      },
    })
    const listening = server.listen(0, '127.0.0.1', () => {
      const { port } = listening.address() as AddressInfo
      startNotifier(stage, {
        broker: kafka.cluster.url,
        topic,
        group: freshGroup(),
        smtpPort: port,
        connections: 1,
      })
        .then((notifier) => stage.defer(() => notifier.stop()))
        .catch(reject)
    })
  })
  server?.close()
  return { named: (id) => raw.replace(/^(Message-ID: *<)[^@>]*/im, `$1${id}`) }
}
