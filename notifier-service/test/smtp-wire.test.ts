import { once } from 'node:events'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { silentLogger } from '@herald/runtime'
import { afterEach, expect, onTestFinished, test, vi } from 'vitest'
import { createSmtpSender } from '#src/smtp/smtp-sender'
import { parseSmtpUrl } from '#src/smtp/smtp-url'

const open: (() => unknown)[] = []
afterEach(async () => {
  for (const close of open.splice(0).reverse()) await close()
})

/**
 * A server that replies to each piece it receives, and to a body once it is whole, as `answer`
 * decides. `unasked` is sent together with the reply to EHLO.
 */
async function serve(
  extensions: readonly string[],
  answer: (piece: string, socket: Socket) => string,
  { unasked = '', timeoutMs = 2000, connections = 1 } = {},
) {
  const pieces: string[] = []
  const sockets = new Set<Socket>()
  const server = createServer((socket) => {
    sockets.add(socket)
    socket.on('error', () => {})
    socket.on('close', () => sockets.delete(socket))
    socket.write('220 here\r\n')
    let body: string | undefined
    socket.on('data', (bytes) => {
      const piece = (body ?? '') + bytes.toString('latin1')
      if (body !== undefined && piece !== '.\r\n' && !piece.endsWith('\r\n.\r\n')) {
        body = piece
        return
      }
      if (piece.startsWith('EHLO')) {
        socket.write(
          `${['here', ...extensions].map((line, at) => `250${at === extensions.length ? ' ' : '-'}${line}`).join('\r\n')}\r\n${unasked}`,
        )
        return
      }
      pieces.push(piece)
      const reply = answer(piece, socket)
      body = reply.includes('354 ') ? '' : undefined
      if (reply !== '') socket.write(reply)
    })
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  open.push(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  const sender = createSmtpSender({
    server: parseSmtpUrl(`smtp://127.0.0.1:${(server.address() as AddressInfo).port}`),
    connections,
    logger: silentLogger,
    timeoutMs,
  })
  open.push(() => sender.close())
  return { pieces, sender, sockets }
}

const compose = () => Buffer.from('.x\r\n')
const mail = { from: 'a@example.com', to: 'b@example.com', compose }
const atOnce = () => Promise.resolve(() => true)

test('with PIPELINING the envelope is sent at once, and nothing of the body before the 354', async () => {
  const { pieces, sender } = await serve(['PIPELINING', 'SIZE 1000'], (piece) =>
    piece.startsWith('MAIL') ? '250 yes\r\n250 yes\r\n354 go on\r\n' : '250 taken\r\n',
  )
  const before = () => {
    expect(pieces).toHaveLength(1)
    return atOnce()
  }
  expect(await sender.send(mail, before)).toEqual({ kind: 'accepted', reply: '250 taken' })
  expect(pieces).toEqual([
    'MAIL FROM:<a@example.com> SIZE=4\r\nRCPT TO:<b@example.com>\r\nDATA\r\n',
    '..x\r\n.\r\n',
  ])
})

test('if composing fails, nothing is sent, and the next mail is', async () => {
  const { pieces, sender } = await serve(['PIPELINING'], (piece) =>
    piece.startsWith('MAIL') ? '250 yes\r\n250 yes\r\n354 go on\r\n' : '250 taken\r\n',
  )
  const begin = vi.fn(atOnce)
  const broken = () => {
    throw new Error('the template is broken')
  }
  await expect(sender.send({ ...mail, compose: broken }, begin)).rejects.toThrow(
    'the template is broken',
  )
  expect(pieces).toEqual([])
  expect(begin).not.toHaveBeenCalled()
  expect(await sender.send(mail, atOnce)).toMatchObject({ kind: 'accepted' })
})

test('after close no mail is sent on a connection that was being opened', async () => {
  const { pieces, sender, sockets } = await serve(['PIPELINING'], () => '')
  const closing = () => {
    sender.close()
    return compose()
  }
  expect(await sender.send({ ...mail, compose: closing }, atOnce)).toMatchObject({ kind: 'outage' })
  await vi.waitFor(() => expect(sockets.size).toBe(0), 5000)
  expect(pieces.join('')).not.toContain('MAIL')
})

test('replies may arrive a byte at a time', async () => {
  const { sender } = await serve(['PIPELINING'], (piece, socket) => {
    const reply = piece.startsWith('MAIL')
      ? '250-yes\r\n250 ja, schön\r\n250 yes\r\n354 go on\r\n'
      : '250-2.0.0 taken\r\n250 2.0.0 für immer\r\n'
    socket.setNoDelay()
    const bytes = [...Buffer.from(reply)]
    const dribble = () => {
      const [byte] = bytes.splice(0, 1)
      if (byte !== undefined) socket.write(Buffer.of(byte), () => setImmediate(dribble))
    }
    dribble()
    return ''
  })
  for (let round = 0; round < 3; round += 1) {
    expect(await sender.send(mail, atOnce)).toEqual({
      kind: 'accepted',
      reply: '250-2.0.0 taken\n250 2.0.0 für immer',
    })
  }
})

test('without PIPELINING each command waits for the reply to the one before', async () => {
  const { pieces, sender } = await serve(['8BITMIME'], (piece) =>
    piece.startsWith('DATA') ? '354 go on\r\n' : '250 yes\r\n',
  )
  expect(await sender.send(mail, atOnce)).toMatchObject({ kind: 'accepted' })
  expect(pieces).toHaveLength(4)
})

test('a server that refuses the recipient and sends a 354 gets an empty body', async () => {
  const { pieces, sender } = await serve(['PIPELINING'], (piece) => {
    if (piece.startsWith('MAIL')) return '250 yes\r\n550 5.1.1 nobody\r\n354 go on\r\n'
    return piece === '.\r\n' ? '554 no recipients\r\n' : '250 yes\r\n'
  })
  let asked = 0
  const before = async () => {
    asked += 1
    return () => true
  }
  expect(await sender.send(mail, before)).toMatchObject({
    kind: 'refused',
    reply: '550 5.1.1 nobody',
  })
  expect(asked).toBe(0)
  expect(pieces[1]).toBe('.\r\n')
})

test.each(['250 as well\r\n', '421 bye\r\n', '550 no\r\n550 no\r\n'])(
  'an unsolicited reply after EHLO (%j) is an outage',
  async (unasked) => {
    const { pieces, sender } = await serve(['PIPELINING'], () => '', { unasked })
    expect(await sender.send(mail, atOnce)).toMatchObject({ kind: 'outage' })
    expect(pieces.join('')).not.toContain('MAIL')
  },
)

test.each([
  ['a permanent refusal', '550 5.1.1 nobody\r\n', 'refused'],
  ['a temporary refusal', '450 4.2.1 later\r\n', 'deferred'],
])('%s counts if the server closes the connection after it', async (_, refusal, kind) => {
  const { sender } = await serve(['PIPELINING'], (piece, socket) => {
    if (piece.startsWith('MAIL')) socket.end(`250 yes\r\n${refusal}`)
    return ''
  })
  expect(await sender.send(mail, atOnce)).toMatchObject({ kind, reply: refusal.trim() })
})

test('a refusal counts if the server closes the connection at the empty body', async () => {
  const { sender } = await serve(['PIPELINING'], (piece, socket) => {
    if (piece.startsWith('MAIL')) return '250 yes\r\n550 5.1.1 nobody\r\n354 go on\r\n'
    socket.destroy()
    return ''
  })
  expect(await sender.send(mail, atOnce)).toMatchObject({
    kind: 'refused',
    reply: '550 5.1.1 nobody',
  })
})

test.each([
  ['250 early', { kind: 'possibleServerFailure', unanswered: true }],
  ['554 5.7.1 refused', { kind: 'possibleServerFailure', permanent: true }],
])('if the reply %j comes before the body, no body is sent', async (early, result) => {
  const { pieces, sender, sockets } = await serve(['PIPELINING'], (piece) =>
    piece.startsWith('MAIL') ? `250 yes\r\n250 yes\r\n354 go on\r\n${early}\r\n` : '',
  )
  const before = async () => {
    // Each reply of a packet is processed in a turn of its own.
    for (let turns = 0; turns < 5; turns += 1) await nextTurn()
    return () => true
  }
  expect(await sender.send(mail, before)).toMatchObject(result)
  await vi.waitFor(() => expect(sockets.size).toBe(0), 60_000)
  expect(pieces).toHaveLength(1)
})

test('a connection whose RSET is refused is closed', async () => {
  const { sender, sockets } = await serve([], (piece) => {
    if (piece.startsWith('RCPT')) return '550 5.1.1 nobody\r\n'
    return piece.startsWith('RSET') ? '502 what is that\r\n' : '250 yes\r\n'
  })
  expect(await sender.send(mail, atOnce)).toMatchObject({ kind: 'refused' })
  await vi.waitFor(() => expect(sockets.size).toBe(0), 60_000)
})

test('after an unsolicited reply the next mail is sent on a new connection', async () => {
  const { sender } = await serve(['PIPELINING'], (piece) =>
    piece.startsWith('MAIL')
      ? '250 yes\r\n250 yes\r\n354 go on\r\n'
      : '250 taken\r\n250 and again\r\n',
  )
  expect(await sender.send(mail, atOnce)).toMatchObject({ kind: 'accepted' })
  expect(await sender.send(mail, atOnce)).toMatchObject({ kind: 'accepted' })
})

test.each([
  ['text', 'a\r\n', 'a\r\n.\r\n'],
  ['no line end', 'a', 'a\r\n.\r\n'],
  ['dots', '.\r\n..\r\na.\r\n.b\r\n', '..\r\n...\r\na.\r\n..b\r\n.\r\n'],
])('a body of %s is sent with leading dots doubled and a dot at its end', async (_, body, data) => {
  const { pieces, sender } = await serve(['PIPELINING'], (piece) =>
    piece.startsWith('MAIL') ? '250 yes\r\n250 yes\r\n354 go on\r\n' : '250 taken\r\n',
  )
  await sender.send({ ...mail, compose: () => Buffer.from(body) }, atOnce)
  expect(pieces[1]).toBe(data)
})

test('a server that does not answer RSET delays no result', async () => {
  const answer = (piece: string) => {
    if (piece.startsWith('RCPT')) return '550 5.1.1 nobody\r\n'
    return piece.startsWith('RSET') ? '' : '250 yes\r\n'
  }
  const { pieces, sender } = await serve([], answer, { timeoutMs: 60_000 })
  expect(await sender.send(mail, atOnce)).toMatchObject({ kind: 'refused' })
  await vi.waitFor(() => expect(pieces.at(-1)).toBe('RSET\r\n'), 60_000)
})

test('if the connection used last does not answer RSET, the older ones are not waited for', async () => {
  vi.useFakeTimers({ toFake: ['performance'] })
  onTestFinished(() => void vi.useRealTimers())
  let silent = new Set<Socket>()
  const connections = 4
  const { pieces, sender, sockets } = await serve(
    ['PIPELINING'],
    (piece, socket) => {
      if (silent.has(socket)) return ''
      return piece.startsWith('MAIL') ? '250 yes\r\n250 yes\r\n354 go on\r\n' : '250 taken\r\n'
    },
    { timeoutMs: 500, connections },
  )
  const allConnected = async () => {
    await vi.waitFor(() => expect(sockets.size).toBe(connections), 60_000)
    return () => true
  }
  const sendings = Array.from({ length: connections }, () => sender.send(mail, allConnected))
  expect((await Promise.all(sendings)).every(({ kind }) => kind === 'accepted')).toBe(true)
  silent = new Set(sockets)
  vi.advanceTimersByTime(3000)
  expect(await sender.send(mail, atOnce)).toMatchObject({ kind: 'accepted' })
  expect(pieces.filter((piece) => piece.startsWith('RSET'))).toHaveLength(1)
})
