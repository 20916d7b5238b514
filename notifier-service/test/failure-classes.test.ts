import { silentLogger } from '@herald/runtime'
import { afterEach, expect, test } from 'vitest'
import { classify, enhancedCodeOf, failureClasses } from '#src/smtp/failure-classes'
import { createSmtpSender } from '#src/smtp/smtp-sender'
import { parseSmtpUrl } from '#src/smtp/smtp-url'
import { startScriptedSmtp } from './scripted-smtp.js'

const outcomeOf = {
  retry: { kind: 'deferred' },
  'give up': { kind: 'refused' },
  'resend smaller': { kind: 'tooLarge' },
  doubt: { kind: 'suspect', about: 'mail' },
  suspect: { kind: 'suspect', about: 'server' },
  pause: { kind: 'outage' },
  'pause long': { kind: 'outage', lasting: true },
} as const

const closers: (() => unknown)[] = []
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close()
})

/** Said to MAIL FROM, RCPT TO or the body; the row of the table it falls into, and its class. */
const cases = [
  ['mail', '421 4.7.0 too many connections', 0, 'server down'],
  ['rcpt', '421 4.7.0 too many connections', 1, 'server busy'],
  ['body', '421 4.3.2 shutting down', 1, 'server busy'],
  ['mail', '530 5.7.0 authentication required', 2, 'authentication'],
  ['rcpt', '535 5.7.8 credentials expired', 2, 'authentication'],
  ['mail', '454 4.7.0 temporary authentication failure', 3, 'authentication'],
  ['rcpt', '550 5.1.8 sender address rejected: domain not found', 4, 'sender refused'],
  ['rcpt', '553 5.1.7 bad sender', 4, 'sender refused'],
  ['mail', '552 5.3.4 message too big', 5, 'too large'],
  ['body', '552 message exceeds the fixed maximum', 5, 'too large'],
  ['body', '554 5.2.3 message length exceeds administrative limit', 5, 'too large'],
  ['rcpt', '550 5.2.3 message too large for this mailbox', 6, 'too large'],
  ['mail', '452 4.3.1 insufficient system storage', 7, 'server full'],
  ['body', '452 out of storage', 7, 'server full'],
  ['mail', '550 5.7.1 this sender is not allowed', 8, 'sender refused'],
  ['mail', '451 4.3.0 try later', 9, 'server down'],
  ['rcpt', '452 4.2.2 mailbox full', 10, 'mailbox full'],
  ['rcpt', '552 5.2.2 over quota', 10, 'mailbox full'],
  ['rcpt', '552 over quota', 10, 'mailbox full'],
  ['body', '554 5.2.2 over quota', 10, 'mailbox full'],
  ['rcpt', '550 5.1.1 no such mailbox', 11, 'recipient gone'],
  ['rcpt', '550 5.1.10 null MX', 11, 'recipient gone'],
  ['rcpt', '550 5.2.1 mailbox disabled', 11, 'recipient gone'],
  ['rcpt', '451 4.7.1 greylisting in action', 12, 'greylisted'],
  ['rcpt', '450 4.7.1 Graylisted, try later', 12, 'greylisted'],
  ['rcpt', '454 4.7.1 relay access denied', 13, 'limit or policy'],
  ['rcpt', '450 4.7.28 unusual rate of mail', 13, 'limit or policy'],
  ['body', '550 5.4.5 daily user sending limit exceeded', 13, 'limit or policy'],
  ['body', '451 4.3.0 queue file write error', 13, 'limit or policy'],
  ['rcpt', '550 5.7.1 relaying denied', 14, 'limit or policy'],
  ['rcpt', '554 5.7.1 relay access denied', 14, 'limit or policy'],
  ['body', '554 Message rejected: Email address is not verified.', 15, 'limit or policy'],
  ['body', '550 5.7.26 unauthenticated mail is not accepted', 15, 'limit or policy'],
  ['rcpt', '550 relay not permitted', 16, 'limit or policy'],
  ['rcpt', "553 sorry, that domain isn't in my list of allowed rcpthosts", 16, 'limit or policy'],
  ['rcpt', '450 4.2.0 try later', 17, 'mailbox busy'],
  ['rcpt', '451 temporary local problem', 17, 'mailbox busy'],
  ['rcpt', '550 no such user', 18, 'recipient refused'],
  ['rcpt', '555 5.5.4 parameters not recognised', 18, 'recipient refused'],
  ['body', '554 5.7.1 this looks like spam', 19, 'content refused'],
  ['body', '550 rejected as spam', 19, 'content refused'],
  ['body', '554 5.6.0 malformed message', 19, 'content refused'],
] as const

test.each(cases)(
  'to %s, %j is row %i, %s, and ends as its rule says',
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
    const command = { mail: 'MAIL FROM', rcpt: 'RCPT TO', body: 'DATA' }[step]
    const refusal = { command, code: Number(answer.slice(0, 3)), reply: answer }
    expect(failureClasses.findIndex((each) => classify(refusal, [each]))).toBe(row)
    const { rule } = failureClasses[row]
    const compose = () => Buffer.from('Subject: hello\r\n\r\nhello\r\n')
    const outcome = await sender.send(
      { from: 'herald@localhost', to: 'ada@example.com', compose },
      async () => {},
    )
    expect(outcome).toMatchObject({ ...outcomeOf[rule], failure: name })
    expect(JSON.stringify(outcome)).toContain(answer)
  },
)

test('every row of the table has a case above', () => {
  expect([...new Set(cases.map(([, , row]) => row))].sort((one, other) => one - other)).toEqual(
    failureClasses.map((_, index) => index),
  )
})

test('an enhanced code is read where there is one, also in a reply of several lines', () => {
  expect(enhancedCodeOf('550 5.1.1 gone')).toBe('5.1.1')
  expect(enhancedCodeOf('550-5.1.10 gone\r\n550 5.1.10 for good')).toBe('5.1.10')
  expect(enhancedCodeOf('550 gone since 5.1.1')).toBe('')
  expect(enhancedCodeOf('')).toBe('')
})
