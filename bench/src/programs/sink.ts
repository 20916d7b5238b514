/**
 * A mail server that accepts everything, in its own process so that it takes no time from what is
 * measured. Replies 250 after `delayMs`. The message `{ expect }` makes it report when it has received
 * that many different mails.
 */
import { createServer, type Socket } from 'node:net'
import { machineMs } from '../machine-clock.js'

export interface SinkReport {
  /** Mails accepted. */
  readonly count: number
  /** Different Message-IDs among them. */
  readonly unique: number
  /** By recipient: when its last mail was accepted (`machineMs`). */
  readonly at: Readonly<Record<string, number>>
}

const delayMs = Number(process.argv[2] ?? 0)
const keepTimes = process.argv[3] === 'times'
let ids = new Set<string>()
let at: Record<string, number> = {}
let count = 0
let expected = Number.POSITIVE_INFINITY

const report = (): SinkReport => ({ count, unique: ids.size, at })

function recordMail(recipient: string, mail: string): void {
  count += 1
  ids.add(/^Message-ID: *(\S+)/im.exec(mail)?.[1] ?? '')
  if (keepTimes) at[recipient] = machineMs()
  reportWhenReached()
}

function reportWhenReached(): void {
  if (ids.size < expected) return
  expected = Number.POSITIVE_INFINITY
  process.send?.(report())
}

function serve(socket: Socket): void {
  let pending = ''
  let isBody = false
  let recipient = ''
  const reply = (line: string) => socket.write(`${line}\r\n`)
  socket.setNoDelay(true)
  socket.setEncoding('latin1')
  socket.on('error', () => {})
  reply('220 sink ESMTP')
  socket.on('data', (text: string) => {
    pending += text
    for (;;) {
      if (isBody) {
        const end = pending.startsWith('.\r\n') ? 0 : pending.indexOf('\r\n.\r\n')
        if (end < 0) return
        const mail = pending.slice(0, end)
        pending = pending.slice(end === 0 ? 3 : end + 5)
        isBody = false
        const to = recipient
        const accept = () => {
          recordMail(to, mail)
          reply('250 2.0.0 ok')
        }
        if (delayMs > 0) setTimeout(accept, delayMs)
        else accept()
        continue
      }
      const end = pending.indexOf('\r\n')
      if (end < 0) return
      const line = pending.slice(0, end)
      pending = pending.slice(end + 2)
      const verb = line.slice(0, 4).toUpperCase()
      if (verb === 'EHLO')
        socket.write('250-sink\r\n250-PIPELINING\r\n250-8BITMIME\r\n250 SMTPUTF8\r\n')
      else if (verb === 'RCPT') {
        recipient = /<([^>]*)>/.exec(line)?.[1] ?? ''
        reply('250 2.1.5 ok')
      } else if (verb === 'DATA') {
        isBody = true
        reply('354 go on')
      } else if (verb === 'QUIT') {
        reply('221 bye')
        socket.end()
      } else reply('250 2.0.0 ok')
    }
  })
}

const server = createServer(serve).listen(0, '127.0.0.1', () => {
  const address = server.address()
  process.send?.({ port: typeof address === 'object' ? address?.port : 0 })
})
process.on('message', (message: { expect?: number; report?: true; reset?: true }) => {
  if (message.reset) {
    ids = new Set()
    at = {}
    count = 0
  }
  if (message.expect !== undefined) {
    expected = message.expect
    reportWhenReached()
  }
  if (message.report) process.send?.(report())
})
process.on('disconnect', () => process.exit(0))
