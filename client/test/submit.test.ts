import { mkdir, readdir, writeFile } from 'node:fs/promises'
import { type AddressInfo, createServer } from 'node:net'
import { join } from 'node:path'
import { buffer } from 'node:stream/consumers'
import type { HeraldError } from '@herald/proto/errors'
import { describe, expect, onTestFinished, test } from 'vitest'
import { readWhole } from '../src/jobs/read-whole.js'
import { openHome } from './home.js'
import { gradient } from './pictures.js'

test.each([
  [['--to', 'nope'], 'Herald does not write "nope"; it writes jpeg, png, webp, avif, gif'],
  [['--to', 'webp,wepb'], 'Did you mean webp?'],
  [['--to', 'jpeg', '--lossless'], 'The option lossless cannot be used for jpeg, only for png'],
  [['--to', 'webp', '--lossless', '--max-bytes', '1M'], 'contradict each other'],
  [['--to', 'webp', '--width', '20000'], 'expected a whole number from 1 to 16383 for webp'],
  [['--to', 'png', '--gravity', 'attention'], 'only the fit cover crops'],
])(
  'submit %j is refused at once, without a converter, and nothing is kept',
  async (options, reason) => {
    const { home, state, herald } = await openHome('127.0.0.1:1')
    const file = join(home, 'photo.png')
    await writeFile(file, gradient(6, 4))
    const error = await herald('submit', file, ...options).catch((thrown: unknown) => thrown)
    const { publicMessage, remedy, exitCode } = error as HeraldError
    expect(`${publicMessage} ${remedy}`).toContain(reason)
    expect(exitCode).toBe(2)
    expect(await readdir(state)).toEqual([])
  },
)

test('submit knows a format by its extension, and takes it once', async () => {
  const { home, herald } = await openHome('127.0.0.1:1')
  const file = join(home, 'photo.png')
  await writeFile(file, gradient(6, 4))
  const { status, stdout, stderr } = await herald('submit', file, '--to', '.JPG,jpeg')
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' })
  const shown = await herald('jobs', 'show', stdout.split(' ')[0] as string, '--json')
  expect(JSON.parse(shown.stdout)).toMatchObject({ to: ['jpeg'] })
})

test.each([99, 101])(
  'a file that had %i bytes when it was found, and now 100, is not submitted',
  async (before) => {
    const { home } = await openHome('127.0.0.1:1')
    const file = join(home, 'growing.log')
    await writeFile(file, Buffer.alloc(100))
    await expect(buffer(readWhole(file, before))).rejects.toMatchObject({
      code: 'HERALD_DAMAGED_TRANSFER',
      publicMessage: expect.stringContaining(`it had ${before} bytes, and then 100.`),
    })
  },
)

test('a job whose command is not published says why', async () => {
  const { home, state, herald } = await openHome('127.0.0.1:1')
  const file = join(home, 'photo.png')
  await writeFile(file, gradient(6, 4))
  await mkdir(join(state, 'herald'))
  await writeFile(join(state, 'herald/broker'), 'a file in place of the folder')
  const { status, stderr } = await herald('submit', file, '--to', 'webp')
  expect(status).toBe(0)
  expect(stderr).toContain('1 of 1 jobs are not published yet; they are kept in the outbox.\n')
  expect(stderr).toContain('broker cannot be opened: a file has the name of a folder')
})

describe.each([
  ['kafka', 'Kafka'],
  ['amqp', 'RabbitMQ'],
  ['nats', 'NATS'],
])('submit with a %s broker', (scheme, name) => {
  async function submitTo(HERALD_BROKER: string) {
    const { home, herald } = await openHome('127.0.0.1:1', { HERALD_BROKER })
    const file = join(home, 'photo.png')
    await writeFile(file, gradient(6, 4))
    return herald('submit', file, '--to', 'webp')
  }

  test('on which nothing listens says so', async () => {
    const { status, stderr } = await submitTo(`${scheme}://ada:secret@127.0.0.1:1`)
    expect(status).toBe(0)
    expect(stderr).toContain('1 of 1 jobs are not published yet')
    expect(stderr).toMatch(`${name} at 127.0.0.1:1 cannot be reached`)
    expect(stderr).toMatch(/ECONNREFUSED|[Cc]onnection refused/)
    expect(stderr).not.toContain('secret')
  })

  test('that answers nothing says so', async () => {
    const silent = createServer((socket) => socket.on('error', () => {}))
    await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve))
    onTestFinished(() => void silent.close())
    const { port } = silent.address() as AddressInfo
    const { status, stderr } = await submitTo(`${scheme}://ada:secret@127.0.0.1:${port}`)
    expect(status).toBe(0)
    expect(stderr).toContain(
      `${scheme}://127.0.0.1:${port} has not acknowledged it within 1.5 s. Is it running, and is the address right?`,
    )
    expect(stderr).not.toContain('secret')
  })
})
