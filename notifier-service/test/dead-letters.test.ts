import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { createTerminal } from '@herald/runtime/terminal'
import { beforeEach, expect, test, vi } from 'vitest'
import { createProgram } from '#src/program'
import { message, publish, uuidv7 } from './publish.js'
import { fileConverted } from './sample-events.js'
import { type ScriptedSmtp, startScriptedSmtp } from './scripted-smtp.js'
import { useStage } from './stage.js'

const stage = useStage()
const patience = { timeout: 60_000, interval: 50 }

let server: ScriptedSmtp
beforeEach(async () => {
  server = await startScriptedSmtp()
  stage.defer(() => server.close())
})

/** Runs `herald-notifier dead-letters …` in this process. */
async function deadLetters(...args: string[]) {
  let stdout = ''
  let stderr = ''
  const terminal = createTerminal(
    { write: (text) => (stdout += text) },
    { write: (text) => (stderr += text) },
    {},
  )
  const env = { HERALD_BROKER: stage.broker }
  const { signal } = new AbortController()
  const status = await createProgram({ env, terminal, signal }).run(['dead-letters', ...args])
  return { status, stdout, stderr }
}

async function listed(...args: string[]) {
  const { stdout, stderr } = await deadLetters('list', '--json', ...args)
  expect(stderr.replace(/^\d+ replayed already.*\n$/, '')).toBe('')
  return stdout.split('\n').flatMap((line) => (line === '' ? [] : [JSON.parse(line)]))
}

const to = (address: string) => fileConverted({ recipient: { address } })
const idOf = ({ raw }: { raw: string }) => /^Message-ID: <(.{36})@/im.exec(raw)?.[1] ?? ''

/** Publishes an event for each address, refused permanently; resolves when all are dead letters. */
async function makeDeadLetters(...addresses: string[]): Promise<string[]> {
  server.script = { rcpt: (address) => `550 5.1.1 no mailbox for ${address.split('@')[0]}` }
  const ids = addresses.map(() => uuidv7())
  await publish(
    stage.broker,
    addresses.map((address, at) => message(to(address), ids[at])),
  )
  await vi.waitFor(async () => expect(await listed()).toHaveLength(addresses.length), patience)
  return ids
}

test('dead letters are listed with their reasons, and shown by number, position or event id', async () => {
  await stage.startHere({ HERALD_SMTP: server.url })
  const [id = ''] = await makeDeadLetters('ada@example.com')
  await publish(stage.broker, [{ key: 'k', value: Buffer.from('?'), headers: {} }])
  await vi.waitFor(async () => expect(await listed()).toHaveLength(2), patience)

  const [first, second] = await listed()
  expect(first).toMatchObject({
    number: 1,
    eventId: id,
    attempts: 1,
    key: 'ada@example.com',
    origin: { topic: 'notifications' },
    replayedAt: null,
  })
  expect(first.reason).toContain('550 5.1.1 no mailbox for ada')
  expect(second).toMatchObject({ number: 2, eventId: null, attempts: 0, key: 'k', sizeBytes: 1 })

  const table = (await deadLetters()).stdout.split('\n')
  expect(table[0]).toMatch(/^no {2}age +to +attempts +event +reason$/)
  expect(table[1]).toMatch(new RegExp(`^1 .* ada@example\\.com +1 +${id} +550 5\\.1\\.1`))
  for (const which of ['1', first.position, id]) {
    const { stdout, status } = await deadLetters('show', which)
    expect(status).toBe(0)
    expect(stdout).toMatch(/^file +harbour\.jpg → harbour\.webp$/m)
    expect(stdout).toMatch(new RegExp(`^ce_id +${id}$`, 'm'))
  }
  expect((await deadLetters('show', '2')).stdout).toMatch(/^event +cannot be read: /m)
  expect(await deadLetters('show', '3')).toMatchObject({ status: 3, stdout: '' })
})

test('a replay delivers what can be delivered now, and a second replay finds nothing', async () => {
  await stage.startHere({ HERALD_SMTP: server.url })
  const ids = await makeDeadLetters('ada@example.com', 'bob@example.com')
  server.script = {}
  const dry = await deadLetters('replay', '--dry-run')
  expect(dry.stderr).toBe('2 of 2 dead letters would be replayed.\n')
  expect(await listed()).toHaveLength(2)

  const { status, stderr } = await deadLetters('replay')
  expect({ status, stderr }).toEqual({
    status: 0,
    stderr: '2 of 2 dead letters replayed.\n',
  })
  await vi.waitFor(
    () => expect(server.accepted.map(idOf).sort()).toEqual([...ids].sort()),
    patience,
  )
  expect((await deadLetters('replay')).stderr).toBe(
    'There is nothing to replay: notifications has no open dead letter.\n',
  )
  expect(await listed()).toEqual([])
  expect((await listed('--all')).map(({ replayedAt }) => typeof replayedAt)).toEqual([
    'string',
    'string',
  ])

  // Anything that the second replay published would come after this one in its partition.
  const last = [uuidv7(), uuidv7()]
  await publish(stage.broker, [
    message(to('ada@example.com'), last[0]),
    message(to('bob@example.com'), last[1]),
  ])
  await vi.waitFor(() => expect(server.accepted).toHaveLength(4), patience)
})

test('a replay does not resend what was delivered meanwhile', async () => {
  const notifier = await stage.startHere({ HERALD_SMTP: server.url })
  const [id = ''] = await makeDeadLetters('ada@example.com')
  server.script = {}
  // Like a replay that was killed before it was recorded.
  const [letter] = await listed()
  const again = message(to('ada@example.com'), id)
  const headers = { ...again.headers, herald_replay: Buffer.from(`${letter.position}@earlier`) }
  await publish(stage.broker, [{ ...again, headers }])
  await vi.waitFor(() => expect(server.accepted).toHaveLength(1), patience)

  expect((await deadLetters('replay')).stderr).toContain('1 of 1')
  await vi.waitFor(
    () => expect(notifier.log.map(({ msg }) => msg)).toContain('redelivered; already delivered'),
    patience,
  )
  expect(server.bodies).toHaveLength(1)
})

test('a replay can be restricted to a reason and to a number, the oldest first', async () => {
  await stage.startHere({ HERALD_SMTP: server.url })
  await makeDeadLetters('ada@example.com')
  await deadLetterAfter('bob@example.com')
  const third = await deadLetterAfter('bob@example.com')
  server.script = {}
  expect(
    (await deadLetters('replay', '--reason', 'NO MAILBOX FOR BOB', '--limit', '1')).stderr,
  ).toBe('1 of 1 dead letter replayed.\n')
  await vi.waitFor(
    () => expect(server.accepted.map(({ to }) => to)).toEqual(['bob@example.com']),
    patience,
  )
  expect((await listed()).map(({ key, eventId }) => [key, eventId === third])).toEqual([
    ['ada@example.com', false],
    ['bob@example.com', true],
  ])
  expect((await deadLetters('replay', '--reason', 'greylisted')).stderr).toContain(
    'nothing to replay',
  )
})

/** Another one, later than those before; resolves to its event's id. */
async function deadLetterAfter(address: string): Promise<string> {
  const before = (await listed()).length
  const id = uuidv7()
  await publish(stage.broker, [message(to(address), id)])
  await vi.waitFor(async () => expect(await listed()).toHaveLength(before + 1), patience)
  return id
}

test('an event that fails again after a replay is a dead letter again, and can be replayed again', async () => {
  await stage.startHere({ HERALD_SMTP: server.url })
  const [id] = await makeDeadLetters('ada@example.com')
  await deadLetters('replay')
  await vi.waitFor(async () => expect(await listed()).toHaveLength(1), patience)
  const [again] = await listed()
  expect(again).toMatchObject({ number: 2, eventId: id, attempts: 1 })
  server.script = {}
  expect((await deadLetters('replay', '1')).stderr).toContain('nothing to replay')
  expect((await deadLetters('replay', 'nonsense')).status).toBe(3)
  expect((await deadLetters('replay', String(id))).stderr).toContain('1 of 1 dead letter')
  await vi.waitFor(() => expect(server.accepted.map(idOf)).toEqual([id]), patience)
  expect(await listed()).toEqual([])
})

test('the program lists none, and reports an unknown broker in one sentence', () => {
  const bin = fileURLToPath(new URL('../bin/herald-notifier.js', import.meta.url))
  const run = (HERALD_BROKER: string) => {
    const env = { PATH: process.env['PATH'], HERALD_BROKER }
    return spawnSync(process.execPath, [bin, 'dead-letters'], { env, encoding: 'utf8' })
  }
  expect(run(stage.broker)).toMatchObject({ status: 0, stderr: 'There are no dead letters.\n' })
  const unknown = run('smoke-signals:hill')
  expect(unknown).toMatchObject({ status: 1, stdout: '' })
  expect(unknown.stderr).toMatch(
    /^herald-notifier: Unknown broker scheme "smoke-signals:"\. Use .*\n$/,
  )
})

test('a dead letter without its value is not replayed; the message names the whole event', async () => {
  const stub = {
    ...message(to('ada@example.com'), uuidv7()),
    value: Buffer.from(' '),
  }
  const added = {
    reason: 'too much',
    topic: 'notifications',
    partition: '3',
    offset: '17',
    dropped: 'headers,value',
    value_bytes: '1048000',
  }
  const headers = Object.entries(added).map(([name, text]) => [
    `herald_dead_letter_${name}`,
    Buffer.from(text),
  ])
  const deadLetter = { ...stub, headers: { ...stub.headers, ...Object.fromEntries(headers) } }
  await publish(stage.broker, [deadLetter], 'notifications.dead-letter')
  expect((await listed())[0]).toMatchObject({ withoutValue: true, sizeBytes: 1_048_000 })
  const { status, stdout, stderr } = await deadLetters('replay')
  expect({ status, stdout }).toEqual({ status: 0, stdout: '' })
  expect(stderr).toBe(
    '1 is not replayed: its value was too large to be kept beside the reason. The whole event is ' +
      'in notifications at 3/17, as long as that topic keeps it.\n' +
      'There is nothing to replay: notifications has no open dead letter.\n',
  )
  const json = await deadLetters('replay', '1', '--json')
  expect(JSON.parse(json.stdout)).toMatchObject({ withoutValue: true, replayed: false })
  expect(json.status).toBe(1)
  expect(await listed()).toHaveLength(1)
})
