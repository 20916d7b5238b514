import { expect, test } from 'vitest'
import { parseSmtpUrl } from '#src/smtp/smtp-url'

test.each([
  ['smtp://localhost:1025', { host: 'localhost', port: 1025, tls: 'offered', user: undefined }],
  ['smtp://mail.example.com', { port: 587, tls: 'offered' }],
  ['smtp://me:secret@mail.example.com', { tls: 'required', user: 'me', password: 'secret' }],
  ['smtp://me:secret@127.0.0.1:25', { tls: 'offered' }],
  ['smtp://mail.example.com:25?tls=never', { tls: 'never' }],
  [
    'smtps://me%40example.com:p%2Fw@mail.example.com',
    { port: 465, tls: 'immediate', user: 'me@example.com', password: 'p/w' },
  ],
  ['smtp://me%40example.com@mail.example.com', { tls: 'required', password: undefined }],
  ['smtp://[::1]:1025', { host: '::1', port: 1025 }],
])('%s is read', (url, expected) => {
  expect(parseSmtpUrl(url)).toMatchObject(expected)
})

test.each([
  ['localhost:1025', 'it does not begin with smtp:// or smtps://'],
  ['http://localhost:1025', 'it does not begin with smtp:// or smtps://'],
  ['smtp://', 'it names no host'],
  ['smtp://localhost:99999', 'host or port cannot be read'],
  ['smtp://localhost/path', 'it has a path'],
  ['smtp://:secret@localhost', 'it has a password and no user'],
  ['smtp://me:%zz@localhost', 'the user or password is not percent-encoded'],
  ['smtp://localhost?tls=maybe', 'tls is none of offered, required, never'],
  ['smtp://localhost?timeout=3', 'it has a parameter other than tls'],
  ['smtps://localhost?tls=never', 'smtps:// takes no parameter'],
])('%s is refused: %s', (url, why) => {
  expect(() => parseSmtpUrl(url)).toThrow(
    expect.objectContaining({ name: 'InvalidValue', message: expect.stringContaining(why) }),
  )
})
