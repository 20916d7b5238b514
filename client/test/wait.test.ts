import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { endMails } from './end-mails.js'
import { openHome } from './home.js'
import { gradient } from './pictures.js'
import { type RealConverter, startConverter } from './real-converter.js'

let converter: RealConverter
beforeAll(async () => {
  converter = await startConverter()
})
afterAll(() => converter.close())

async function home() {
  const opened = await openHome(converter.address)
  await endMails(opened.brokerUrl)
  const file = join(opened.home, 'a.png')
  await writeFile(file, gradient(32, 24))
  const convert = (...args: string[]) =>
    opened.herald('convert', file, '--to', 'webp', '--force', '--wait', ...args)
  return { ...opened, convert }
}

test('--wait prints that the mail was sent, with the server’s reply', async () => {
  const { convert } = await home()
  const { status, stdout, stderr } = await convert('-n', 'ada@example.com')
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' })
  expect(stdout).toMatch(
    / queued for ada@example\.com\nmailed to ada@example\.com: 250 2\.0\.0 Ok: queued as 4F2B1\n$/,
  )
})

test('--wait prints why a mail was not sent, and ends with its own exit status', async () => {
  const { convert } = await home()
  const { status, stdout, stderr } = await convert('-n', 'ada@example.com', '-n', 'bob@example.com')
  expect(status).toBe(6)
  expect(stdout).toContain('mailed to ada@example.com: 250')
  expect(stderr).toBe('✗ not mailed to bob@example.com: 550 no such user\n')
})

test('--wait ends after --timeout if no outcome is known', async () => {
  const { convert } = await home()
  const { status, stderr } = await convert('-n', 'eve@example.com', '--timeout', '4s')
  expect(status).toBe(6)
  expect(stderr).toBe('✗ not mailed to eve@example.com yet: no outcome in time\n')
})

test('--wait and --json together give each event its mail', async () => {
  const { convert } = await home()
  const { status, stdout } = await convert('-n', 'bob@example.com', '--json')
  expect(status).toBe(6)
  expect(JSON.parse(stdout)).toMatchObject({
    ok: true,
    announced: true,
    events: [
      { recipient: 'bob@example.com', mail: { state: 'not mailed', reply: '550 no such user' } },
    ],
  })
})

test('--wait and --no-announce are refused together', async () => {
  const { convert } = await home()
  await expect(convert('--no-announce')).rejects.toThrow(/cannot be combined/)
})
