import { once } from 'node:events'
import type { AddressInfo, Socket } from 'node:net'
import { SMTPServer, type SMTPServerOptions } from 'smtp-server'

export interface ReceivedMail {
  readonly from: string
  readonly to: string
  /** The message with its dots unstuffed, one character for each byte. */
  readonly raw: string
}

/** The server's reply (`450 later`), or what it does instead. */
export type Answer = string | 'hang up' | 'hang' | undefined

export interface Script {
  /** To MAIL FROM, RCPT TO; undefined: 250. */
  mail?: (address: string) => Answer
  rcpt?: (address: string) => Answer
  /** To the body once it is complete; undefined: 250. */
  body?: (mail: ReceivedMail) => Answer | Promise<Answer>
}

/** A mail server that replies as its script says. */
export interface ScriptedSmtp {
  readonly url: string
  readonly port: number
  /** May be changed at any time. */
  script: Script
  /** Recipients of the mails of whose body at least one byte has come. */
  readonly begun: string[]
  /** Every complete body, in the order of arrival, whatever the reply. */
  readonly bodies: ReceivedMail[]
  /** Those with the reply 250. */
  readonly accepted: ReceivedMail[]
  /** Connections made so far. */
  readonly connections: number
  hangUp(): void
  close(): Promise<void>
}

export async function startScriptedSmtp(
  script: Script = {},
  { port = 0, ...options }: SMTPServerOptions & { port?: number } = {},
): Promise<ScriptedSmtp> {
  const begun: string[] = []
  const bodies: ReceivedMail[] = []
  const accepted: ReceivedMail[] = []
  let connections = 0
  const server = new SMTPServer({
    disabledCommands: ['AUTH', 'STARTTLS'],
    closeTimeout: 100,
    onConnect(_session, done) {
      connections += 1
      done()
    },
    onMailFrom: ({ address }, session, done) =>
      act(self.script.mail?.(address), session.remotePort, done),
    onRcptTo: ({ address }, session, done) =>
      act(self.script.rcpt?.(address), session.remotePort, done),
    async onData(stream, session, done) {
      const chunks: Buffer[] = []
      try {
        for await (const chunk of stream) {
          if (chunks.length === 0) begun.push(session.envelope.rcptTo[0]?.address ?? '')
          chunks.push(chunk)
        }
      } catch {
        // The client closed the connection during the mail.
        return
      }
      const { mailFrom, rcptTo } = session.envelope
      const mail = {
        from: mailFrom ? mailFrom.address : '',
        to: rcptTo.map(({ address }) => address).join(),
        raw: Buffer.concat(chunks).toString('latin1'),
      }
      bodies.push(mail)
      const answer = await self.script.body?.(mail)
      if (answer === undefined) accepted.push(mail)
      act(answer, session.remotePort, done)
    },
    ...options,
  })
  server.on('error', () => {})
  /** By the client's port, which is in its session: smtp-server itself cannot cut a connection. */
  const sockets = new Map<number, Socket>()
  server.server.on('connection', (socket: Socket) => {
    const port = Number(socket.remotePort)
    sockets.set(port, socket)
    socket.once('close', () => sockets.get(port) === socket && sockets.delete(port))
  })

  function act(answer: Answer, clientPort: number, done: (error?: Error | null) => void): void {
    if (answer === 'hang up') {
      sockets.get(clientPort)?.destroy()
      return
    }
    if (answer === 'hang') return
    if (answer === undefined) done()
    else
      done(Object.assign(new Error(answer.slice(4)), { responseCode: Number(answer.slice(0, 3)) }))
  }

  server.listen(port, '127.0.0.1')
  await once(server.server, 'listening')
  const bound = (server.server.address() as AddressInfo).port
  const self: ScriptedSmtp = {
    url: `smtp://127.0.0.1:${bound}`,
    port: bound,
    script,
    begun,
    bodies,
    accepted,
    get connections() {
      return connections
    },
    hangUp() {
      for (const socket of sockets.values()) socket.destroy()
    },
    async close() {
      self.hangUp()
      await new Promise<void>((resolve) => server.close(() => resolve()))
    },
  }
  return self
}
