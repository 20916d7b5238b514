import { mkdirSync, readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { openTestSystem, type TestSystem } from '#src/test-system'

const picture = fileURLToPath(new URL('../../stack/sample/herald-at-dusk.jpg', import.meta.url))

describe('a program stops while a conversion runs', () => {
  let system: TestSystem
  let out: string

  beforeEach(async () => {
    system = await openTestSystem()
    out = join(system.folder, 'out')
    mkdirSync(out)
    await Promise.all([system.start('inbox'), system.start('converter')])
    await system.start('notifier')
  })
  afterEach(() => system.close())

  /** A conversion that takes a second or two, and the moment a child process is at it. */
  function convertSlowly() {
    const done = system.herald([
      ...['convert', picture, '--to', 'avif', '--quality', '90', '--out', out],
      ...['--notify', 'ada@example.com'],
    ])
    const underWay = vi.waitFor(() => {
      // The spool holds the whole upload: a child process has it, or will at once.
      expect(spooledBytes(join(system.folder, 'spool'))).toBeGreaterThan(800_000)
    }, 10_000)
    return { done, underWay }
  }

  const mailsTo = async (address: string) =>
    (await (await system.inbox()).list()).filter((mail) => mail.recipients.includes(address))

  /** One person's mail stays in order: when this one is there, all before it are. */
  async function expectOneMail(subject: RegExp) {
    const marker = await system.herald([
      ...['convert', picture, '--to', 'png', '--width', '16', '--out', out, '--force'],
      ...['--notify', 'ada@example.com'],
    ])
    expect(marker).toMatchObject({ exitCode: 0 })
    const inbox = await system.inbox()
    await inbox.waitFor((mail) => /PNG/.test(mail.subject), 20_000)
    const mails = await mailsTo('ada@example.com')
    expect(mails.filter((mail) => subject.test(mail.subject))).toHaveLength(1)
  }

  test('the converter gets SIGTERM: the conversion is finished first', async () => {
    const { done, underWay } = convertSlowly()
    await underWay
    const [result, ending] = await Promise.all([done, system.stop('converter')])
    expect(result).toMatchObject({ exitCode: 0 })
    expect(ending.how).toBe('exit status 0')
    const later = await system.herald(['convert', picture, '--to', 'webp', '--out', out])
    expect(later.exitCode).toBe(5)
    expect(later.stderr).toContain(system.env['HERALD_CONVERTER'])
    await system.start('converter')
    await expectOneMail(/AVIF/)
  })

  test('the converter is killed: the error is reported, no partial file is left, and the next call works', async () => {
    const { done, underWay } = convertSlowly()
    await underWay
    await system.stop('converter', 'SIGKILL')
    const result = await done
    expect(result.exitCode).toBe(5)
    expect(result.stderr).not.toMatch(/\n\s+at /)
    expect(result.stderr).toContain(system.env['HERALD_CONVERTER'])
    expect(readdirSync(out)).toEqual([])
    await system.start('converter')
    expect(spooledBytes(join(system.folder, 'spool'))).toBe(0)
    expect(await convertSlowly().done).toMatchObject({ exitCode: 0 })
    await expectOneMail(/AVIF/)
  })

  test('the converter is killed and comes back: the client sends the file again', async () => {
    const { done, underWay } = convertSlowly()
    await underWay
    await system.stop('converter', 'SIGKILL')
    await system.start('converter')
    expect(await done).toMatchObject({ exitCode: 0 })
    expect(readdirSync(out)).toEqual(['herald-at-dusk.avif'])
    await expectOneMail(/AVIF/)
  })

  test('the notifier is stopped: the conversion is announced, the mail comes when it is back', async () => {
    const { done, underWay } = convertSlowly()
    await underWay
    expect((await system.stop('notifier')).how).toBe('exit status 0')
    expect(await done).toMatchObject({ exitCode: 0, stderr: '' })
    expect(await mailsTo('ada@example.com')).toEqual([])
    await system.start('notifier')
    await expectOneMail(/AVIF/)
  })

  test('the mail server is stopped: the notifier reports it, counts no attempt and mails when it is back', async () => {
    const { done, underWay } = convertSlowly()
    await underWay
    await system.stop('inbox')
    expect(await done).toMatchObject({ exitCode: 0, stderr: '' })
    const probes = `http://${system.env['HERALD_NOTIFIER_PROBES']}`
    await vi.waitFor(async () => {
      const ready = await fetch(`${probes}/readyz`)
      expect(ready.status).toBe(503)
      expect(await ready.text()).toMatch(/smtp/i)
    }, 20_000)
    await system.start('inbox')
    const inbox = await system.inbox()
    await inbox.waitFor((mail) => mail.recipients.includes('ada@example.com'), 20_000)
    expect((await fetch(`${probes}/readyz`)).status).toBe(200)
    await expectOneMail(/AVIF/)
  })
})

function spooledBytes(folder: string): number {
  const entries = readdirSync(folder, { recursive: true, withFileTypes: true })
  return entries
    .filter((entry) => entry.isFile())
    .reduce(
      (sum, entry) =>
        sum + (statSync(join(entry.parentPath, entry.name), { throwIfNoEntry: false })?.size ?? 0),
      0,
    )
}
