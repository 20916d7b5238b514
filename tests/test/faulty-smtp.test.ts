import { once } from 'node:events'
import { connect } from 'node:net'
import { createInterface } from 'node:readline'
import { afterEach, describe, expect, test, vi } from 'vitest'
import {
  answerLate,
  type Behaviour,
  busyAbove,
  cutHalfWay,
  greylist,
  holdReply,
  loseReply,
  refuse,
} from '#src/faults/behaviours'
import { type FaultySmtp, startFaultySmtp } from '#src/faults/faulty-smtp'

/** What a mail server says, line by line; undefined once it hung up. */
async function dial(url: string) {
  const socket = connect(Number(new URL(url).port), '127.0.0.1')
  await once(socket, 'connect')
  socket.on('error', () => {})
  const lines = createInterface({ input: socket })[Symbol.asyncIterator]()
  const reply = async () => {
    for (;;) {
      const { value, done } = await lines.next()
      if (done) return undefined
      if (value.includes('SMTPUTF8')) extensions.push('SMTPUTF8')
      if (value[3] !== '-') return value as string
    }
  }
  const extensions: string[] = []
  const ask = (command: string) => {
    socket.write(`${command}\r\n`)
    return reply()
  }
  await reply()
  await ask('EHLO test')
  return { ask, reply, socket, extensions }
}

async function mail(url: string, to: string, id: string): Promise<string | undefined> {
  const { ask, socket } = await dial(url)
  try {
    for (const command of ['MAIL FROM:<a@example.com>', `RCPT TO:<${to}>`, 'DATA']) {
      const reply = await ask(command)
      if (!/^[23]/.test(reply ?? '')) return reply
    }
    return await ask(`X-Herald-Event: ${id}\r\n\r\nhello\r\n.`)
  } finally {
    socket.destroy()
  }
}

describe('the mail server that misbehaves', () => {
  let server: FaultySmtp
  const start = async (
    behaviour: Behaviour,
    options: { utf8?: boolean; listeners?: number } = {},
  ) => {
    server = await startFaultySmtp({ behaviour, ...options })
    return server.urls[0] as string
  }
  afterEach(() => server.stop())

  test('keeps a record of every mail', async () => {
    const url = await start({})
    expect(await mail(url, 'ada@example.com', 'e-1')).toMatch(/^250/)
    await mail(url, 'bob@example.com', 'e-2')
    const [first, second] = server.sends
    expect(first).toMatchObject({
      ...{ eventId: 'e-1', recipient: 'ada@example.com', sequence: 1, bodySequence: 1 },
      ...{ verdict: 'accept', replied: true, listener: 0 },
    })
    expect(first?.bodyAt).toBeGreaterThanOrEqual(first?.startedAt ?? Infinity)
    expect(first?.repliedAt).toBeGreaterThanOrEqual(first?.bodyAt ?? Infinity)
    expect(second).toMatchObject({ eventId: 'e-2', sequence: 2 })
  })

  test('takes a mail and loses the 250', async () => {
    const url = await start(loseReply(2))
    expect(await mail(url, 'ada@example.com', 'e-1')).toMatch(/^250/)
    expect(await mail(url, 'ada@example.com', 'e-2')).toBeUndefined()
    expect(server.sends[1]).toMatchObject({ verdict: 'lose-reply', replied: false })
  })

  test('knows the mails between 354 and reply while it holds a reply back', async () => {
    const url = await start(holdReply(50))
    const sending = mail(url, 'ada@example.com', 'e-1')
    await vi.waitFor(() => expect(server.open()).toHaveLength(1), { interval: 1 })
    expect(await sending).toMatch(/^250/)
    const [send] = server.sends
    expect((send?.repliedAt ?? 0) - (send?.bodyAt ?? 0)).toBeGreaterThanOrEqual(49)
    await vi.waitFor(() => expect(server.open()).toEqual([]), 60_000)
  })

  test('answers late', async () => {
    const url = await start(answerLate(2, 100))
    await mail(url, 'ada@example.com', 'e-1')
    await mail(url, 'ada@example.com', 'e-2')
    const took = server.sends.map(({ bodyAt = 0, repliedAt = 0 }) => repliedAt - bodyAt)
    expect(took[1]).toBeGreaterThanOrEqual(99)
  })

  test('answers 421 above a rate', async () => {
    const url = await start(busyAbove(2))
    const replies = []
    for (const id of ['1', '2', '3']) replies.push(await mail(url, 'ada@example.com', id))
    expect(replies.map((reply) => reply?.slice(0, 3))).toEqual(['250', '250', '421'])
  })

  test('greylists one recipient for a while', async () => {
    const url = await start(greylist('ada@example.com', 150))
    expect(await mail(url, 'ada@example.com', '1')).toMatch(/^451/)
    expect(await mail(url, 'bob@example.com', '2')).toMatch(/^250/)
    await vi.waitFor(
      async () => expect(await mail(url, 'ada@example.com', '3')).toMatch(/^250/),
      60_000,
    )
  })

  test('refuses one recipient', async () => {
    const url = await start(refuse('ada@example.com'))
    expect(await mail(url, 'ada@example.com', '1')).toMatch(/^550/)
    expect(await mail(url, 'bob@example.com', '2')).toMatch(/^250/)
  })

  test('cuts the connection half-way through the body and takes nothing', async () => {
    const url = await start(cutHalfWay(1))
    expect(await mail(url, 'ada@example.com', '1')).toBeUndefined()
    expect(server.sends[0]).toMatchObject({ verdict: undefined, bodyAt: undefined })
  })

  test('offers SMTPUTF8 or not', async () => {
    const { extensions } = await dial(await start({}))
    expect(extensions).toEqual(['SMTPUTF8'])
    await server.stop()
    const without = await dial(await start({}, { utf8: false }))
    expect(without.extensions).toEqual([])
  })

  test('a client that is gone before the reply did not get it', async () => {
    const url = await start(holdReply(100))
    const { ask, socket } = await dial(url)
    for (const command of ['MAIL FROM:<a@example.com>', 'RCPT TO:<b@example.com>', 'DATA'])
      await ask(command)
    socket.write('X-Herald-Event: e-1\r\n\r\nhello\r\n.\r\n')
    await vi.waitFor(() => expect(server.open()[0]?.bodyAt).toBeDefined(), { interval: 1 })
    socket.destroy()
    await vi.waitFor(() => expect(server.sends[0]?.closedAt).toBeDefined(), 60_000)
    expect(server.sends[0]).toMatchObject({ verdict: 'accept', replied: false })
  })

  test('a client that leaves after the 354 is no longer between 354 and reply', async () => {
    const url = await start({})
    const { ask, socket } = await dial(url)
    for (const command of ['MAIL FROM:<a@example.com>', 'RCPT TO:<b@example.com>', 'DATA'])
      await ask(command)
    expect(server.open()).toHaveLength(1)
    socket.destroy()
    await vi.waitFor(() => expect(server.open()).toEqual([]), 60_000)
    expect(server.sends[0]?.closedAt).toBeDefined()
  })

  test('goes away and comes back on the same port', async () => {
    const url = await start({})
    const { socket } = await dial(url)
    const cut = once(socket, 'close')
    await server.stop()
    await cut
    await expect(dial(url)).rejects.toThrow('ECONNREFUSED')
    await server.start()
    expect(await mail(url, 'ada@example.com', '1')).toMatch(/^250/)
  })
})
