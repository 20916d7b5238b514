import type { AddressInfo } from 'node:net'
import { SMTPServer } from 'smtp-server'

/** A mail server that accepts everything and records the mails in order. */
export interface SmtpSink {
  readonly url: string
  /** Message-IDs by recipient, in the order of acceptance. */
  readonly accepted: ReadonlyMap<string, readonly string[]>
  /** Mails accepted so far. */
  readonly count: number
  close(): Promise<void>
}

/** Listens on a free port of the loopback. */
export async function startSmtpSink(): Promise<SmtpSink> {
  const accepted = new Map<string, string[]>()
  let count = 0
  const server = new SMTPServer({
    authOptional: true,
    disabledCommands: ['STARTTLS', 'AUTH'],
    onData(stream, { envelope }, done) {
      const parts: Buffer[] = []
      stream.on('data', (part: Buffer) => parts.push(part))
      stream.on('end', () => {
        const id = /^Message-ID: *(\S+)/im.exec(Buffer.concat(parts).toString('latin1'))?.[1] ?? ''
        for (const { address } of envelope.rcptTo) {
          const ids = accepted.get(address) ?? []
          ids.push(id)
          accepted.set(address, ids)
          count++
        }
        done()
      })
    },
  })
  server.on('error', () => {})
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.server.address() as AddressInfo
  return {
    url: `smtp://127.0.0.1:${port}`,
    accepted,
    get count() {
      return count
    },
    close: () => new Promise((resolve) => server.close(resolve)),
  }
}
