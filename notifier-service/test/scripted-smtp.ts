import { once } from 'node:events'
import type { AddressInfo, Socket } from 'node:net'
import { SMTPServer, type SMTPServerOptions } from 'smtp-server'

export interface ReceivedMail {
  readonly from: string
  readonly to: string
  /** The body as it was, dots unstuffed, a byte a character. */
  readonly raw: string
}

/** What the server answers, in SMTP's own words (`450 later`), or what it does instead. */
export type Answer = string | 'hang up' | 'hang' | undefined

export interface Script {
  /** To MAIL FROM, RCPT TO; undefined: 250. */
  mail?: (address: string) => Answer
  rcpt?: (address: string) => Answer
  /** To the body once it is whole; undefined: 250. May take its time. */
  body?: (mail: ReceivedMail) => Answer | Promise<Answer>
}

/** A mail server that answers as its script says. */
export interface ScriptedSmtp {
  readonly url: string
  readonly port: number
  /** May be changed at any time. */
  script: Script
  /** Recipients of whose body at least one byte came. */
  readonly begun: string[]
  /** Every body that came whole, in the order of arrival, whatever was answered. */
  readonly bodies: ReceivedMail[]
  /** Those that were answered 250. */
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
    onMailFrom: ({ address }, session, done) => act(self.script.mail?.(address), session.id, done),
    onRcptTo: ({ address }, session, done) => act(self.script.rcpt?.(address), session.id, done),
    async onData(stream, session, done) {
      const chunks: Buffer[] = []
      try {
        for await (const chunk of stream) {
          if (chunks.length === 0) begun.push(session.envelope.rcptTo[0]?.address ?? '')
          chunks.push(chunk)
        }
      } catch {
        // The client went away in the middle of it.
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
      act(answer, session.id, done)
    },
    ...options,
  })
  server.on('error', () => {})

  /** smtp-server does not show its sockets, which are needed to lose a connection. */
  function sockets(id?: string): Socket[] {
    const open = (server as unknown as { connections: Set<{ id: string; _socket: Socket }> })
      .connections
    return [...open]
      .filter((each) => id === undefined || each.id === id)
      .map(({ _socket }) => _socket)
  }

  function act(answer: Answer, id: string, done: (error?: Error | null) => void): void {
    if (answer === 'hang up') {
      for (const socket of sockets(id)) socket.destroy()
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
      for (const socket of sockets()) socket.destroy()
    },
    async close() {
      self.hangUp()
      await new Promise<void>((resolve) => server.close(() => resolve()))
    },
  }
  return self
}
