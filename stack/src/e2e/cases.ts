import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Mail } from '@herald/mailhog/inbox-client'
import type { CliRun, ConvertedLine } from '../herald-cli.js'
import type { Scene } from './scene.js'

/** What a user of the CLI may expect, told by the CLI and the inbox alone. */
export const cases: Record<string, (scene: Scene) => Promise<void>> = {
  'one file, one recipient: the file is there and the mail says so': async (scene) => {
    const ada = scene.someone()
    const line = converted(
      await scene.convert(await scene.photo('one.jpg'), ...small('webp'), '--notify', ada),
    )
    await intact(line)
    const mail = await theMail(scene, ada)
    assert.match(mail.subject ?? '', /^one\.jpg is ready: WebP/)
    assert.ok(mail.text.includes(line.conversionId), 'the mail names the conversion')
    assert.ok(mail.text.includes(line.renditions[0]?.sha256 ?? '-'), 'the mail gives the checksum')
    assert.notEqual(mail.html, '', 'the mail has an HTML part')
  },

  'several renditions of one upload: one mail names them all': async (scene) => {
    const ada = scene.someone()
    const path = await scene.photo('several.jpg')
    const line = converted(await scene.convert(path, ...small('webp,png,jpeg'), '--notify', ada))
    assert.deepEqual(line.renditions.map(({ format }) => format).sort(), ['jpeg', 'png', 'webp'])
    await intact(line)
    const mail = await theMail(scene, ada)
    for (const { name } of line.renditions) assert.ok(mail.text.includes(name), `it names ${name}`)
  },

  'two recipients: each is told, neither sees the other': async (scene) => {
    const [ada, ben] = [scene.someone(), scene.someone()]
    const path = await scene.photo('two.jpg')
    const line = converted(
      await scene.convert(path, ...small('webp'), '--notify', ada, '--notify', ben),
    )
    assert.equal(new Set(line.events.map(({ id }) => id)).size, 2, 'an event for each')
    const first = await theMail(scene, ada)
    const second = await theMail(scene, ben)
    assert.notEqual(first.messageId, second.messageId)
    assert.ok(!first.raw.includes(ben) && !second.raw.includes(ada))
  },

  'nobody is named: the notifier tells its default recipient': async (scene) => {
    const line = converted(await scene.convert(await scene.photo('nobody.jpg'), ...small('webp')))
    const mail = await scene.mailAbout(line.conversionId)
    assert.deepEqual(mail.recipients, [scene.target.mailTo])
  },

  'a file that is no picture: refused with exit status 3, and whoever waits hears of it': async (
    scene,
  ) => {
    const ada = scene.someone()
    const path = join(scene.folder, 'broken.jpg')
    // Nothing at all, not even text: whatever its name says.
    await writeFile(path, Buffer.alloc(64, 1))
    const { exitCode, lines } = await scene.convert(path, ...small('webp'), '--notify', ada)
    assert.equal(exitCode, 3)
    assert.equal(lines[0]?.ok, false)
    assert.notEqual(lines[0]?.error?.message ?? '', '')
    assert.deepEqual(await readdir(scene.out), [], 'nothing is left behind')
    const mail = await theMail(scene, ada)
    assert.match(mail.subject ?? '', /^broken\.jpg could not be converted/)
  },

  'an unknown format: a wrong call, exit status 2, and the valid ones are named': async (scene) => {
    const { exitCode, lines, stderr } = await scene.convert(
      await scene.photo('format.jpg'),
      '--to',
      'weebp',
    )
    assert.equal(exitCode, 2)
    assert.match(stderr + JSON.stringify(lines), /webp/)
  },

  'a hostile file name: it stands in the subject and does nothing': async (scene) => {
    const ada = scene.someone()
    const name = '"; rm -rf ~\r\nBcc: eve@example.com .png'
    const line = converted(
      await scene.convert(await scene.photo(name), ...small('webp'), '--notify', ada),
    )
    await intact(line)
    const mail = await theMail(scene, ada)
    assert.ok(mail.subject.startsWith('"; rm -rf ~'), `the subject is ${mail.subject}`)
    assert.match(mail.subject, /Bcc: eve@example\.com \.png is ready/)
    assert.doesNotMatch(mail.subject, /[\r\n]/)
    assert.deepEqual(mail.recipients, [ada])
    assert.ok(!mail.headers.some((header) => header.name === 'bcc'), 'no header is smuggled in')
  },

  'ten files in one call: one mail that tells of each': async (scene) => {
    const ada = scene.someone()
    const names = Array.from({ length: 10 }, (_, index) => `ten-${index}.jpg`)
    const paths = await Promise.all(names.map((name) => scene.photo(name)))
    const { exitCode, lines } = await scene.convert(...paths, ...small('webp'), '--notify', ada)
    assert.equal(exitCode, 0)
    assert.equal(lines.filter(({ ok }) => ok).length, 10)
    const mail = await theMail(scene, ada)
    for (const name of names) assert.ok(mail.text.includes(name), `it names ${name}`)
    for (const { events } of lines) {
      assert.ok(mail.raw.includes(events[0]?.id ?? '-'), 'it carries the id of each event')
    }
  },

  'all in all: nobody was told the same thing twice': async (scene) => {
    const mails = await scene.mailToEverybody()
    assert.ok(mails.length >= 7, `there are ${mails.length} mails`)
    assert.equal(new Set(mails.map(({ messageId }) => messageId)).size, mails.length)
  },
}

/** The same answer for little work. */
const small = (formats: string) => ['--to', formats, '--width', '320']

/** The one line of a conversion that went well and is announced. */
function converted({ exitCode, lines, stderr }: CliRun): ConvertedLine {
  const [line] = lines
  assert.equal(
    exitCode,
    0,
    `herald convert ended with ${exitCode}: ${line?.error?.message ?? stderr}`,
  )
  assert.ok(line?.ok)
  assert.equal(line.warning, null)
  return line
}

async function theMail(scene: Scene, recipient: string): Promise<Mail> {
  const [mail, ...more] = await scene.mailTo(recipient)
  assert.ok(mail)
  assert.equal(more.length, 0, `one mail to ${recipient}`)
  return mail
}

/** The files are there, whole. */
async function intact({ renditions }: ConvertedLine): Promise<void> {
  for (const { path, sha256, sizeBytes } of renditions) {
    const bytes = await readFile(path)
    assert.equal(bytes.length, sizeBytes)
    assert.equal(createHash('sha256').update(bytes).digest('hex'), sha256, `${path} is intact`)
  }
}
