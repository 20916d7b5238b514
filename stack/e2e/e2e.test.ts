import { createHash } from 'node:crypto'
import { copyFile, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type InboxClient, type Mail, openInboxClient } from '@herald/mailhog/inbox-client'
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest'
import { findTarget, type Target } from '#src/e2e-target'
import { type CliRun, type ConvertedLine, heraldConvert } from '#src/herald-cli'

const picture = fileURLToPath(new URL('../sample/herald-at-dusk.jpg', import.meta.url))
const mailTimeoutMs = 20_000
/** In the addresses of this run: other runs may have left mail in the same inbox. */
const run = `e2e-${Date.now().toString(36)}-${process.pid}`
const { signal } = new AbortController()

let target: Target
let inbox: InboxClient
let recipients = 0

beforeAll(async () => {
  target = await findTarget(process.env)
  console.log(`Herald end to end, on ${target.description}`)
  inbox = await openInboxClient(target.inbox)
})
afterAll(() => target?.close())

test('one file, one recipient: the file is saved and the mail names it', async () => {
  const [ada, { photo, convert }] = [newRecipient(), await newFolder()]
  const line = converted(await convert(await photo('one.jpg'), ...small('webp'), '--notify', ada))
  await expectIntact(line)
  const mail = await onlyMailTo(ada)
  expect(mail.subject).toMatch(/^one\.jpg is ready: WebP/)
  expect(mail.text).toContain(line.conversionId)
  expect(mail.text).toContain(line.renditions[0]?.sha256)
  expect(mail.html).not.toBe('')
})

test('several renditions of one upload: one mail names them all', async () => {
  const [ada, { photo, convert }] = [newRecipient(), await newFolder()]
  const path = await photo('several.jpg')
  const line = converted(await convert(path, ...small('webp,png,jpeg'), '--notify', ada))
  expect(line.renditions.map(({ format }) => format).sort()).toEqual(['jpeg', 'png', 'webp'])
  await expectIntact(line)
  const mail = await onlyMailTo(ada)
  for (const { name } of line.renditions) expect(mail.text).toContain(name)
})

test('two recipients: each gets a mail, neither sees the other', async () => {
  const [ada, ben, { photo, convert }] = [newRecipient(), newRecipient(), await newFolder()]
  const to = ['--notify', ada, '--notify', ben]
  const line = converted(await convert(await photo('two.jpg'), ...small('webp'), ...to))
  expect(new Set(line.events.map(({ id }) => id)).size).toBe(2)
  const [first, second] = [await onlyMailTo(ada), await onlyMailTo(ben)]
  expect(first.messageId).not.toBe(second.messageId)
  expect(first.raw).not.toContain(ben)
  expect(second.raw).not.toContain(ada)
})

test('no recipient is named: the notifier mails its default recipient', async () => {
  const { photo, convert } = await newFolder()
  const line = converted(await convert(await photo('default.jpg'), ...small('webp')))
  const mail = await inbox.waitFor(({ text }) => text.includes(line.conversionId), mailTimeoutMs)
  expect(mail.recipients).toEqual([target.mailTo])
})

test('a file that is not a picture: exit status 3, and a mail says why', async () => {
  const [ada, { folder, out, convert }] = [newRecipient(), await newFolder()]
  const path = join(folder, 'broken.jpg')
  // Neither an image nor text, despite the name.
  await writeFile(path, Buffer.alloc(64, 1))
  const { exitCode, lines } = await convert(path, ...small('webp'), '--notify', ada)
  expect(exitCode).toBe(3)
  expect(lines).toMatchObject([{ ok: false, error: { message: expect.stringMatching(/./) } }])
  expect(await readdir(out)).toEqual([])
  expect((await onlyMailTo(ada)).subject).toMatch(/^broken\.jpg could not be converted/)
})

test('an unknown format: exit status 2, and the valid ones are listed', async () => {
  const { photo, convert } = await newFolder()
  const { exitCode, lines, stderr } = await convert(await photo('format.jpg'), '--to', 'weebp')
  expect(exitCode).toBe(2)
  expect(stderr + JSON.stringify(lines)).toMatch(/webp/)
})

test('a hostile file name is shown in the subject and adds no header', async () => {
  const [ada, { photo, convert }] = [newRecipient(), await newFolder()]
  const path = await photo('"; rm -rf ~\r\nBcc: eve@example.com .png')
  const line = converted(await convert(path, ...small('webp'), '--notify', ada))
  await expectIntact(line)
  const mail = await onlyMailTo(ada)
  expect(mail.subject).toMatch(/^"; rm -rf ~/)
  expect(mail.subject).toMatch(/Bcc: eve@example\.com \.png is ready/)
  expect(mail.subject).not.toMatch(/[\r\n]/)
  expect(mail.recipients).toEqual([ada])
  expect(mail.headers.filter(({ name }) => name === 'bcc')).toEqual([])
})

test('ten files in one call: one mail names each', async () => {
  const [ada, { photo, convert }] = [newRecipient(), await newFolder()]
  const names = Array.from({ length: 10 }, (_, index) => `ten-${index}.jpg`)
  const paths = await Promise.all(names.map(photo))
  const { exitCode, lines } = await convert(...paths, ...small('webp'), '--notify', ada)
  expect(exitCode).toBe(0)
  expect(lines.filter(({ ok }) => ok)).toHaveLength(10)
  const mail = await onlyMailTo(ada)
  for (const name of names) expect(mail.text).toContain(name)
  for (const { events } of lines) expect(mail.raw).toContain(events[0]?.id)
})

test('no mail of this run arrived twice', async () => {
  const mails = (await inbox.list()).filter((mail) =>
    mail.recipients.some((address) => address.startsWith(`${run}-`)),
  )
  expect(mails.length).toBeGreaterThanOrEqual(7)
  expect(new Set(mails.map(({ messageId }) => messageId)).size).toBe(mails.length)
})

/** A small result is fast to convert. */
const small = (formats: string) => ['--to', formats, '--width', '320']

/** An address that no other test and no other run uses. */
const newRecipient = () => `${run}-${++recipients}@example.com`

async function newFolder() {
  const folder = await mkdtemp(join(tmpdir(), 'herald-e2e-'))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  const out = join(folder, 'out')
  await mkdir(out)
  return {
    folder,
    out,
    /** The sample picture under that name; resolves to its path. */
    async photo(name: string) {
      await copyFile(picture, join(folder, name))
      return join(folder, name)
    },
    /** `herald convert … --out <out> --json` with an outbox of its own. */
    convert: (...args: readonly string[]) =>
      heraldConvert(
        [...args, '--out', out],
        { ...target, data: join(folder, 'data') },
        { env: process.env, signal },
      ),
  }
}

/** The one line of a conversion that succeeded and is announced. */
function converted({ exitCode, lines, stderr }: CliRun): ConvertedLine {
  const [line] = lines
  expect(exitCode, line?.error?.message ?? stderr).toBe(0)
  expect(line).toMatchObject({ ok: true, warning: null })
  return line as ConvertedLine
}

async function onlyMailTo(recipient: string): Promise<Mail> {
  const isTo = (mail: Mail) => mail.recipients.includes(recipient)
  const mail = await inbox.waitFor(isTo, mailTimeoutMs)
  expect((await inbox.list()).filter(isTo)).toHaveLength(1)
  return mail
}

async function expectIntact({ renditions }: ConvertedLine): Promise<void> {
  for (const { path, sha256, sizeBytes } of renditions) {
    const bytes = await readFile(path)
    expect(bytes.length).toBe(sizeBytes)
    expect(createHash('sha256').update(bytes).digest('hex')).toBe(sha256)
  }
}
