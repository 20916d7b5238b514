import { once } from 'node:events'
import type { AddressInfo, Socket } from 'node:net'
import { setTimeout as pause } from 'node:timers/promises'
import { SMTPServer, type SMTPServerSession } from 'smtp-server'
import type { Behaviour } from './behaviours.js'
import type { Send, Verdict } from './send.js'

export interface FaultySmtpOptions {
  /** The number of listeners, each on its own port, so that a client is identified by its port. Default 1. */
  readonly listeners?: number
  readonly behaviour?: Behaviour
  /** The address to listen on. Default 127.0.0.1. */
  readonly host?: string
  /** Offers SMTPUTF8. Default true. */
  readonly utf8?: boolean
}

/** A mail server that misbehaves as scripted and records each mail. It can be stopped and started. */
export interface FaultySmtp {
  /** `smtp://127.0.0.1:40123`, one for each listener; unchanged by `stop` and `start`. */
  readonly urls: readonly string[]
  /** May be changed at any time. */
  behaviour: Behaviour
  /** Every send that got a 354, in that order. */
  readonly sends: readonly Send[]
  /** The sends between 354 and reply at this moment. */
  open(listener?: number): Send[]
  /** Calls `listener` when a body is complete and the verdict is known, before the reply. Returns a function that unsubscribes. */
  onBody(listener: (send: Send) => void): () => void
  /** Closes every listener and cuts every connection. Idempotent. */
  stop(): Promise<void>
  /** Listens again on the same ports. */
  start(): Promise<void>
}

export async function startFaultySmtp(options: FaultySmtpOptions = {}): Promise<FaultySmtp> {
  const { listeners = 1, host = '127.0.0.1', utf8 = true } = options
  const ports: number[] = new Array(listeners).fill(0)
  const sends: Send[] = []
  /** By session; a session has at most one. */
  const openSends = new Map<string, Send>()
  const bodyListeners = new Set<(send: Send) => void>()
  let servers: SMTPServer[] = []
  let bodies = 0

  async function receive(
    listener: number,
    stream: AsyncIterable<Buffer>,
    session: SMTPServerSession,
    answer: (verdict: Verdict) => void,
    socket: Socket | undefined,
  ): Promise<void> {
    const send: Send = {
      listener,
      sequence: sends.length + 1,
      recipient: session.envelope.rcptTo.map(({ address }) => address).join(),
      startedAt: Date.now(),
      eventId: undefined,
      eventIds: [],
      bodyAt: undefined,
      bodySequence: undefined,
      verdict: undefined,
      repliedAt: undefined,
      replied: false,
      closedAt: undefined,
    }
    sends.push(send)
    openSends.set(session.id, send)
    // smtp-server neither ends the stream nor reports that a client closed after the 354.
    const recordClose = () => {
      send.closedAt = Date.now()
      openSends.delete(session.id)
    }
    socket?.once('close', recordClose)
    try {
      const chunks: Buffer[] = []
      for await (const chunk of stream) {
        chunks.push(chunk)
        if (self.behaviour.halfWay?.(send)) return answer('cut')
      }
      const text = Buffer.concat(chunks).toString('latin1')
      // A long header is folded (RFC 5322 §2.2.3).
      const [, header] = /^X-Herald-Event: (.*(?:\r\n[ \t].*)*)/im.exec(text) ?? []
      send.eventIds = header?.trim().split(/\s+/) ?? []
      send.eventId = send.eventIds[0]
      send.bodyAt = Date.now()
      bodies += 1
      send.bodySequence = bodies
      send.verdict = self.behaviour.body?.(send) ?? 'accept'
      for (const onBody of bodyListeners) onBody(send)
      const holdMs = self.behaviour.holdMs?.(send) ?? 0
      if (holdMs > 0) await pause(holdMs)
      if (socket?.writable && send.verdict !== 'lose-reply' && send.verdict !== 'cut') {
        send.replied = true
        send.repliedAt = Date.now()
      }
      answer(send.verdict)
    } catch {
      // The client closed the connection during the mail.
    } finally {
      if (send.replied) socket?.off('close', recordClose)
      if (openSends.get(session.id) === send) openSends.delete(session.id)
    }
  }

  function createServer(listener: number): SMTPServer {
    const server = new SMTPServer({
      disabledCommands: ['AUTH', 'STARTTLS'],
      hideSMTPUTF8: !utf8,
      closeTimeout: 50,
      onMailFrom: (_address, session, done) =>
        act(self.behaviour.mail?.() ?? 'accept', session, done),
      onRcptTo: ({ address }, session, done) =>
        act(self.behaviour.recipient?.(address) ?? 'accept', session, done),
      onData: (stream, session, done) =>
        void receive(
          listener,
          stream,
          session,
          (verdict) => act(verdict, session, done),
          sockets.get(session.remotePort),
        ),
    })
    server.on('error', () => {})
    /** By the client's port, which is in its session: smtp-server itself cannot cut a connection. */
    const sockets = new Map<number, Socket>()
    server.server.on('connection', (socket: Socket) => {
      const port = Number(socket.remotePort)
      sockets.set(port, socket)
      socket.once('close', () => sockets.get(port) === socket && sockets.delete(port))
    })

    function act(
      verdict: Verdict,
      { remotePort }: SMTPServerSession,
      done: (error?: Error | null) => void,
    ): void {
      if (verdict === 'accept') {
        done()
        return
      }
      if (verdict === 'hang') return
      if (verdict === 'lose-reply' || verdict === 'cut') {
        sockets.get(remotePort)?.destroy()
        return
      }
      const failure = Object.assign(new Error(verdict.slice(4)), {
        responseCode: Number(verdict.slice(0, 3)),
      })
      done(failure)
      // RFC 5321 §3.8: after a 421 the server closes the connection.
      if (failure.responseCode === 421) {
        setImmediate(() => sockets.get(remotePort)?.end())
      }
    }

    cutters.set(server, () => {
      for (const socket of sockets.values()) socket.destroy()
    })
    return server
  }

  const cutters = new Map<SMTPServer, () => void>()
  const self: FaultySmtp = {
    get urls() {
      return ports.map((port) => `smtp://${host}:${port}`)
    },
    behaviour: options.behaviour ?? {},
    sends,
    open: (listener) =>
      [...openSends.values()].filter(
        (send) => listener === undefined || send.listener === listener,
      ),
    onBody(onBody) {
      bodyListeners.add(onBody)
      return () => void bodyListeners.delete(onBody)
    },
    async stop() {
      const stopping = servers
      servers = []
      await Promise.all(
        stopping.map((server) => {
          cutters.get(server)?.()
          cutters.delete(server)
          return new Promise<void>((resolve) => server.close(() => resolve()))
        }),
      )
    },
    async start() {
      servers = ports.map((_, listener) => createServer(listener))
      await Promise.all(
        servers.map(async (server, listener) => {
          server.listen(ports[listener], host)
          await once(server.server, 'listening')
          ports[listener] = (server.server.address() as AddressInfo).port
        }),
      )
    },
  }
  await self.start()
  return self
}
