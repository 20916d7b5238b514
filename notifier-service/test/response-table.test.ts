import { silentLogger } from '@herald/runtime'
import { afterEach, expect, test } from 'vitest'
import {
  enhancedCodeOf,
  matches,
  responseTable,
  resultOf,
  type ServerResponse,
} from '#src/response-table'
import { createSmtpSender } from '#src/smtp/smtp-sender'
import { parseSmtpUrl } from '#src/smtp/smtp-url'
import { startScriptedSmtp } from './scripted-smtp.js'

const resultBy = {
  accept: { kind: 'accepted' },
  retry: { kind: 'deferred' },
  'give up': { kind: 'refused' },
  'resend smaller': { kind: 'tooLarge' },
  'retry a few times': { kind: 'possibleServerFailure', about: 'mail' },
  unknown: { kind: 'unknown' },
  'record server failure': { kind: 'possibleServerFailure', about: 'server' },
  pause: { kind: 'outage' },
  'pause long': { kind: 'outage', lasting: true },
} as const

const closers: (() => unknown)[] = []
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close()
})

/** The reply to MAIL FROM, RCPT TO or the body; the row of the table that matches, and its name. */
const smtpCases = [
  ['mail', '421 4.7.0 too many connections', 10, 'server down'],
  ['rcpt', '421 4.7.0 too many connections', 11, 'server busy'],
  ['body', '421 4.3.2 shutting down', 11, 'server busy'],
  ['mail', '530 5.7.0 authentication required', 12, 'authentication'],
  ['rcpt', '535 5.7.8 credentials expired', 12, 'authentication'],
  ['mail', '454 4.7.0 temporary authentication failure', 13, 'authentication'],
  ['rcpt', '550 5.1.8 sender address rejected: domain not found', 14, 'sender refused'],
  ['rcpt', '553 5.1.7 bad sender', 14, 'sender refused'],
  ['mail', '552 5.3.4 message too big', 15, 'too large'],
  ['body', '552 message exceeds the fixed maximum', 15, 'too large'],
  ['body', '554 5.2.3 message length exceeds administrative limit', 15, 'too large'],
  ['rcpt', '550 5.2.3 message too large for this mailbox', 16, 'too large'],
  ['mail', '452 4.3.1 insufficient system storage', 17, 'server full'],
  ['body', '452 out of storage', 17, 'server full'],
  ['mail', '550 5.7.1 this sender is not allowed', 18, 'sender refused'],
  ['mail', '451 4.3.0 try later', 19, 'server down'],
  ['rcpt', '452 4.2.2 mailbox full', 20, 'mailbox full'],
  ['rcpt', '552 5.2.2 over quota', 20, 'mailbox full'],
  ['rcpt', '552 over quota', 20, 'mailbox full'],
  ['body', '554 5.2.2 over quota', 20, 'mailbox full'],
  ['rcpt', '550 5.1.1 no such mailbox', 21, 'recipient gone'],
  ['rcpt', '550 5.1.10 null MX', 21, 'recipient gone'],
  ['rcpt', '550 5.2.1 mailbox disabled', 21, 'recipient gone'],
  ['rcpt', '451 4.7.1 greylisting in action', 22, 'greylisted'],
  ['rcpt', '450 4.7.1 Graylisted, try later', 22, 'greylisted'],
  ['rcpt', '454 4.7.1 relay access denied', 23, 'limit or policy'],
  ['rcpt', '450 4.7.28 unusual rate of mail', 23, 'limit or policy'],
  ['body', '550 5.4.5 daily user sending limit exceeded', 23, 'limit or policy'],
  ['body', '451 4.3.0 queue file write error', 23, 'limit or policy'],
  ['rcpt', '550 5.7.1 relaying denied', 24, 'limit or policy'],
  ['rcpt', '554 5.7.1 relay access denied', 24, 'limit or policy'],
  ['body', '554 Message rejected: Email address is not verified.', 25, 'limit or policy'],
  ['body', '550 5.7.26 unauthenticated mail is not accepted', 25, 'limit or policy'],
  ['rcpt', '550 relay not permitted', 26, 'limit or policy'],
  ['rcpt', "553 sorry, that domain isn't in my list of allowed rcpthosts", 26, 'limit or policy'],
  ['rcpt', '450 4.2.0 try later', 27, 'mailbox busy'],
  ['rcpt', '451 temporary local problem', 27, 'mailbox busy'],
  ['rcpt', '550 no such user', 28, 'recipient refused'],
  ['rcpt', '555 5.5.4 parameters not recognised', 28, 'recipient refused'],
  ['body', '554 5.7.1 this looks like spam', 29, 'content refused'],
  ['body', '550 rejected as spam', 29, 'content refused'],
  ['body', '554 5.6.0 malformed message', 29, 'content refused'],
] as const

/** Status 0: no reply. */
const otherCases = [
  ['POST', 204, 0, 'accepted'],
  ['POST', 302, 1, 'redirected'],
  ['POST', 401, 2, 'authentication'],
  ['POST', 408, 3, 'request timed out'],
  ['POST', 410, 4, 'event refused'],
  ['POST', 413, 5, 'too large'],
  ['POST', 503, 6, 'server down'],
  ['POST', 0, 8, 'reply lost'],
  ['BODY', 0, 8, 'reply lost'],
  ['BODY', 250, 8, 'reply lost'],
  ['POST', 404, 7, 'event refused'],
  ['POST', 421, 7, 'event refused'],
  ['POST', 500, 7, 'event refused'],
  ['RCPT TO', 0, 9, 'no answer'],
  ['CONN', 0, 9, 'no answer'],
  ['RCPT TO', 999, 9, 'no answer'],
  ['POST', 999, 7, 'event refused'],
  ['AUTH LOGIN', 451, 30, 'unexpected reply'],
] as const

test.each(smtpCases)(
  'to %s, %j matches row %i, %s, and its action is taken',
  async (step, answer, row, name) => {
    const server = await startScriptedSmtp({ [step]: () => answer })
    const sender = createSmtpSender({
      server: parseSmtpUrl(server.url),
      connections: 1,
      timeoutMs: 5000,
      logger: silentLogger,
    })
    closers.push(
      () => server.close(),
      () => sender.close(),
    )
    const command = { mail: 'MAIL FROM', rcpt: 'RCPT TO', body: 'BODY' }[step]
    expectRow({ command, code: Number(answer.slice(0, 3)), reply: answer }, row, name)
    const compose = () => Buffer.from('Subject: hello\r\n\r\nhello\r\n')
    const outcome = await sender.send(
      { from: 'herald@localhost', to: 'ada@example.com', compose },
      async () => () => true,
    )
    expect(outcome).toMatchObject({ ...resultBy[actionOf(row)], failure: name })
    expect(JSON.stringify(outcome)).toContain(answer)
  },
)

test.each(otherCases)(
  'to %s, %i matches row %i, %s, and its action is taken',
  (command, code, row, name) => {
    const response = { command, code, reply: `${code}` }
    expectRow(response, row, name)
    expect(resultOf(response)).toMatchObject(resultBy[actionOf(row)])
  },
)

test('every row of the table has a case above', () => {
  const rows = new Set([...smtpCases, ...otherCases].map(([, , row]) => row))
  expect([...rows].sort((one, other) => one - other)).toEqual(
    responseTable.map((_, index) => index),
  )
})

const actionOf = (row: number) => responseTable[row]?.action ?? 'accept'

function expectRow(response: ServerResponse, row: number, name: string): void {
  expect(responseTable.findIndex((each) => matches(each, response))).toBe(row)
  expect(responseTable[row]?.name).toBe(name)
}

test('an enhanced code is read if there is one, also in a reply of several lines', () => {
  expect(enhancedCodeOf('550 5.1.1 gone')).toBe('5.1.1')
  expect(enhancedCodeOf('550-5.1.10 gone\r\n550 5.1.10 for good')).toBe('5.1.10')
  expect(enhancedCodeOf('550 gone since 5.1.1')).toBe('')
  expect(enhancedCodeOf('')).toBe('')
})
