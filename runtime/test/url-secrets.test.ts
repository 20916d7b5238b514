import { shownUrl, withoutUrlSecrets } from '@herald/runtime'
import { expect, test } from 'vitest'
import { runProgramFile } from './run-program.js'

test.each([
  ['kafka://me:secret@a:9092,b:9092', 'kafka://me:***@a:9092,b:9092'],
  ['smtp://me:p%40ss:word@host', 'smtp://me:***@host'],
  ['smtp://me:p@ss@host', 'smtp://me:***@host'],
  ['smtp://me:p?ss/w#rd@host/path', 'smtp://me:***@host/path'],
  ['http://:secret@host', 'http://:***@host'],
  ['smtp://host:25', 'smtp://host:25'],
  ['kafka://host:9092?ssl=true&passwordFile=/x', 'kafka://host:9092?***'],
  ['https://host/hook?token=secret', 'https://host/hook?***'],
  ['https://host/hook#access_token=secret', 'https://host/hook#***'],
  ['307: it redirects to /login?token=secret, set', '307: it redirects to /login?*** set'],
  ['{"to":"https://a/b?token=secret","from":"c@d"}', '{"to":"https://a/b?***","from":"c@d"}'],
  ['(see <https://host/?a=b>)', '(see <https://host/?***>)'],
  ['Is it 1/2? Yes: #3 of me@host', 'Is it 1/2? Yes: #3 of me@host'],
  ['embedded:./data/broker', 'embedded:./data/broker'],
])('%s is shown as %s', (text, shown) => {
  expect(withoutUrlSecrets(text)).toBe(shown)
})

const parameters = ['ssl', 'passwordFile']

test.each([
  ['kafka://h?ssl=yes&passwordFile=/x', 'kafka://h?ssl=yes&passwordFile=/x'],
  ['kafka://me:secret@h?ssl=yes&password=secret', 'kafka://me:***@h?ssl=yes&password=***'],
  ['kafka://h:9092,[::1]:9093?ssl=yes&secret', 'kafka://h:9092,[::1]:9093?ssl=yes&***'],
  ['kafka://h?ssl=yes#secret', 'kafka://h?ssl=***'],
  ['https://host/hook#secret', 'https://host/hook#***'],
  ['kafka://me:p?ssl=a@h', 'kafka://me:***@h'],
  ['amqp://me:s3 cr"3<t\\@host:x', 'amqp://me:***@host:x'],
  ['nats://token@host:99999', 'nats://***@host:99999'],
  ['nats://s3c?r3t@host', 'nats://***@host'],
  ['kafka://me:se?cret', 'kafka://me:***'],
  ['amqp://me:secret', 'amqp://me:***'],
  ['amqp://me:sec/ret', 'amqp://me:***'],
  ['amqp:me:secret@h', 'amqp:me:***@h'],
  ['postgres:me:secret/db', 'postgres:me:***'],
  ['embedded://me:secret@host', 'embedded://me:***@host'],
  ['smtp://me and more:secret@host', 'smtp://***@host'],
  ['embedded:./data/broker', 'embedded:./data/broker'],
  ['file:///var/lib/blobs', 'file:///var/lib/blobs'],
  ['localhost:port', 'localhost:port'],
])('%s is shown as %s, if those parameters hold no secret', (url, shown) => {
  expect(shownUrl(url, parameters)).toBe(shown)
})

test('no log line of any program holds the query or the password of a URL', async () => {
  const program = runProgramFile('logs-urls', [])
  expect(await program.ended).toEqual({ code: 0, signal: null })
  expect(program.stderr()).not.toContain('secret')
  const lines = program.stderr().trimEnd().split('\n')
  expect(lines.map((line) => JSON.parse(line))).toMatchObject([
    { url: 'https://host/hook?***', broker: 'kafka://me:***@host' },
    {
      err: {
        message: 'not found: https://host/hook?***',
        stack: expect.stringMatching(/\n {4}at/),
      },
    },
  ])
})
