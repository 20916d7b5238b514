import { once } from 'node:events'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { bodyAsData } from '@herald/notifier-service/smtp/body-as-data'
import { ReplyReader } from '@herald/notifier-service/smtp/replies'
import { createSmtpSender } from '@herald/notifier-service/smtp/smtp-sender'
import { parseSmtpUrl } from '@herald/notifier-service/smtp/smtp-url'
import { silentLogger } from '@herald/runtime'
import { afterEach, describe, expect, test, vi } from 'vitest'

const open: (() => unknown)[] = []
afterEach(async () => {
  for (const close of open.splice(0).reverse()) await close()
})

/**
 * A server that answers each piece that comes as `answer` says, and what came after EHLO; with its
 * answer to that goes what is `unasked`.
 */
async function serve(
  extensions: readonly string[],
  answer: (piece: string, socket: Socket) => string,
  { unasked = '', timeoutMs = 2000 } = {},
) {
  const pieces: string[] = []
  const sockets = new Set<Socket>()
  const server = createServer((socket) => {
    sockets.add(socket)
    socket.on('error', () => {})
    socket.on('close', () => sockets.delete(socket))
    socket.write('220 here\r\n')
    socket.on('data', (bytes) => {
      const piece = bytes.toString('latin1')
      if (piece.startsWith('EHLO')) {
        socket.write(
          `${['here', ...extensions].map((line, at) => `250${at === extensions.length ? ' ' : '-'}${line}`).join('\r\n')}\r\n${unasked}`,
        )
        return
      }
      pieces.push(piece)
      const said = answer(piece, socket)
      if (said !== '') socket.write(said)
    })
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  open.push(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  const sender = createSmtpSender({
    server: parseSmtpUrl(`smtp://127.0.0.1:${(server.address() as AddressInfo).port}`),
    connections: 1,
    logger: silentLogger,
    timeoutMs,
  })
  open.push(() => sender.close())
  return { pieces, sender, sockets }
}

const mail = { from: 'a@example.com', to: 'b@example.com', bytes: Buffer.from('.x\r\n') }
const atOnce = () => Promise.resolve()

test('where the server takes it, the envelope goes in one piece, and nothing of the body before the 354', async () => {
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

describe('a mail that is composed on its way', () => {
  const yes = (piece: string) =>
    piece.startsWith('MAIL') ? '250 yes\r\n250 yes\r\n354 go on\r\n' : '250 taken\r\n'
  const bytes = () => mail.bytes

  test.each(['SIZE', 'SIZE 10240000'])(
    'is so while the server (%s) looks at the envelope, which names no size',
    async (size) => {
      const { pieces, sender } = await serve(['PIPELINING', size], yes)
      expect(await sender.send({ ...mail, bytes }, atOnce)).toMatchObject({ kind: 'accepted' })
      expect(pieces).toEqual([
        'MAIL FROM:<a@example.com>\r\nRCPT TO:<b@example.com>\r\nDATA\r\n',
        '..x\r\n.\r\n',
      ])
    },
  )

  test('is so before, for a server that takes little', async () => {
    const { pieces, sender } = await serve(['PIPELINING', 'SIZE 1000'], yes)
    expect(await sender.send({ ...mail, bytes }, atOnce)).toMatchObject({ kind: 'accepted' })
    expect(pieces[0]).toContain('SIZE=4')
    const large = { ...mail, bytes: () => Buffer.alloc(1001) }
    expect(await sender.send(large, atOnce)).toMatchObject({ kind: 'tooLarge' })
    expect(pieces.join('')).toContain('..x\r\n.\r\n')
    expect(await sender.send({ ...mail, bytes }, atOnce)).toMatchObject({ kind: 'accepted' })
  })

  test('is not sent where it turns out larger than the server takes', async () => {
    const { pieces, sender } = await serve(['PIPELINING', 'SIZE 1048576'], yes)
    const begin = vi.fn(atOnce)
    const large = { ...mail, bytes: () => Buffer.alloc(1048577, 'x') }
    expect(await sender.send(large, begin)).toMatchObject({ kind: 'tooLarge' })
    expect(begin).not.toHaveBeenCalled()
    expect(await sender.send({ ...mail, bytes }, atOnce)).toMatchObject({ kind: 'accepted' })
    expect(pieces.join('')).not.toContain('xx')
  })

  test.each([['PIPELINING'], ['PIPELINING', 'SIZE 1000']])(
    'where that fails, nothing of a body is sent and nothing is begun (%s)',
    async (...extensions) => {
      const { pieces, sender, sockets } = await serve(extensions, yes)
      const begin = vi.fn(atOnce)
      const broken = () => {
        throw new Error('the template is broken')
      }
      const sent = sender.send({ ...mail, bytes: broken }, begin)
      await expect(sent).rejects.toThrow('the template is broken')
      await vi.waitFor(() => expect(sockets.size).toBe(0))
      expect(pieces.join('')).not.toContain('.\r\n')
      expect(begin).not.toHaveBeenCalled()
      expect(await sender.send({ ...mail, bytes }, atOnce)).toMatchObject({ kind: 'accepted' })
    },
  )
})

test('replies may come a byte at a time', async () => {
  const { sender } = await serve(['PIPELINING'], (piece, socket) => {
    const said = piece.startsWith('MAIL')
      ? '250-yes\r\n250 ja, schön\r\n250 yes\r\n354 go on\r\n'
      : '250-2.0.0 taken\r\n250 2.0.0 für immer\r\n'
    socket.setNoDelay()
    const bytes = [...Buffer.from(said)]
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

test('where it does not, each command waits for the answer to the one before', async () => {
  const { pieces, sender } = await serve(['8BITMIME'], (piece) =>
    piece.startsWith('DATA') ? '354 go on\r\n' : '250 yes\r\n',
  )
  expect(await sender.send(mail, atOnce)).toMatchObject({ kind: 'accepted' })
  expect(pieces).toHaveLength(4)
})

test('a server that refuses the recipient and waits for a body all the same gets a lone dot', async () => {
  const { pieces, sender } = await serve(['PIPELINING'], (piece) => {
    if (piece.startsWith('MAIL')) return '250 yes\r\n550 5.1.1 nobody\r\n354 go on\r\n'
    return piece === '.\r\n' ? '554 no recipients\r\n' : '250 yes\r\n'
  })
  let asked = 0
  const before = async () => {
    asked += 1
  }
  expect(await sender.send(mail, before)).toMatchObject({
    kind: 'refused',
    reply: '550 5.1.1 nobody',
  })
  expect(asked).toBe(0)
  expect(pieces[1]).toBe('.\r\n')
})

test.each(['250 as well\r\n', '421 bye\r\n', '550 no\r\n550 no\r\n', '25', '250-and\r\n'])(
  'a server that says more than its extensions (%j) is an outage, and nothing worse',
  async (unasked) => {
    const { pieces, sender } = await serve(['PIPELINING'], () => '', { unasked })
    expect(await sender.send(mail, atOnce)).toMatchObject({ kind: 'outage' })
    expect(pieces.join('')).not.toContain('MAIL')
  },
)

test.each([
  ['the refusal', '550 5.1.1 nobody\r\n', 'refused'],
  ['a refusal for now', '450 4.2.1 later\r\n', 'deferred'],
])('a server that hangs up with %s has told it all the same', async (_, refusal, kind) => {
  const { sender } = await serve(['PIPELINING'], (piece, socket) => {
    if (piece.startsWith('MAIL')) socket.end(`250 yes\r\n${refusal}`)
    return ''
  })
  expect(await sender.send(mail, atOnce)).toMatchObject({ kind, reply: refusal.trim() })
})

test('a server that hangs up at the lone dot has refused the recipient all the same', async () => {
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

test('a connection on which the server does not begin anew is closed', async () => {
  const { sender, sockets } = await serve([], (piece) => {
    if (piece.startsWith('RCPT')) return '550 5.1.1 nobody\r\n'
    return piece.startsWith('RSET') ? '502 what is that\r\n' : '250 yes\r\n'
  })
  expect(await sender.send(mail, atOnce)).toMatchObject({ kind: 'refused' })
  await vi.waitFor(() => expect(sockets.size).toBe(0))
})

test('a server that speaks without being asked is not trusted with another mail', async () => {
  const { sender } = await serve(['PIPELINING'], (piece) =>
    piece.startsWith('MAIL')
      ? '250 yes\r\n250 yes\r\n354 go on\r\n'
      : '250 taken\r\n250 and again\r\n',
  )
  expect(await sender.send(mail, atOnce)).toMatchObject({ kind: 'accepted' })
  expect(await sender.send(mail, atOnce)).toMatchObject({ kind: 'accepted' })
})

test.each([
  ['nothing', '', '\r\n.\r\n'],
  ['text', 'a\r\n', 'a\r\n.\r\n'],
  ['no line end', 'a', 'a\r\n.\r\n'],
  ['dots', '.\r\n..\r\na.\r\n.b\r\n', '..\r\n...\r\na.\r\n..b\r\n.\r\n'],
])('of %s every leading dot is doubled and the last line is one', (_, body, data) => {
  expect(bodyAsData(Buffer.from(body)).toString()).toBe(data)
})

test('replies are whole however they are cut, and say their characters', () => {
  const said = Buffer.from('250-eins\r\n250 zwölf\r\n\r\n354 los\n451 4.3.0 später\r\n')
  for (let size = 1; size < said.length; size += 1) {
    const reader = new ReplyReader()
    const replies = []
    for (let at = 0; at < said.length; at += size) {
      replies.push(...reader.read(said.subarray(at, at + size)))
    }
    expect(replies).toEqual([
      { code: 250, text: '250-eins\n250 zwölf' },
      { code: 354, text: '354 los' },
      { code: 451, text: '451 4.3.0 später' },
    ])
  }
})

test('what is no reply, or never ends, is not put up with', () => {
  expect(() => new ReplyReader().read(Buffer.from('HTTP/1.1 400\r\n'))).toThrow(TypeError)
  expect(() => new ReplyReader().read(Buffer.alloc(100_000, '2'))).toThrow(RangeError)
})

test('a server that does not answer RSET holds up no outcome', async () => {
  const answer = (piece: string) => {
    if (piece.startsWith('RCPT')) return '550 5.1.1 nobody\r\n'
    return piece.startsWith('RSET') ? '' : '250 yes\r\n'
  }
  const { pieces, sender } = await serve([], answer, { timeoutMs: 60_000 })
  expect(await sender.send(mail, atOnce)).toMatchObject({ kind: 'refused' })
  await vi.waitFor(() => expect(pieces.at(-1)).toBe('RSET\r\n'))
})
