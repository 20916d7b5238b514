import { connect } from 'node:net'
import { createTransport } from 'nodemailer'
import { expect, test } from 'vitest'
import { openInboxClient } from '#src/inbox-client'
import { startInbox } from '#src/inbox-process'

const answers = (url: string) =>
  new Promise<boolean>((resolve) => {
    const { hostname, port } = new URL(url)
    const socket = connect(Number(port), hostname)
    socket.once('connect', () => resolve(true)).once('error', () => resolve(false))
    socket.unref()
  })

test('the inbox listens on the loopback, shows its page, and ends cleanly on SIGTERM', async () => {
  const inbox = await startInbox()
  expect(inbox.smtpUrl).toMatch(/^smtp:\/\/127\.0\.0\.1:\d+$/)
  const page = await fetch(inbox.webUrl)
  expect(page.status).toBe(200)
  expect(await page.text()).toContain('MailDev')
  expect(await inbox.stop('SIGTERM')).toBe(0)
  expect(await answers(inbox.webUrl)).toBe(false)
  expect(await answers(inbox.smtpUrl)).toBe(false)
})

test('an error for a port in use names it and the variable to set', async () => {
  const first = await startInbox()
  try {
    const taken = { smtp: first.smtpUrl.slice(7), web: first.webUrl.slice(7) }
    await expect(startInbox({ smtp: taken.smtp })).rejects.toThrow(
      `${taken.smtp} is in use by another program. Stop that program or set HERALD_INBOX_SMTP`,
    )
    await expect(startInbox({ web: taken.web })).rejects.toThrow(
      `${taken.web} is in use by another program. Stop that program or set HERALD_INBOX_WEB`,
    )
  } finally {
    await first.stop()
  }
})

test('an invalid address is reported before anything listens', async () => {
  await expect(startInbox({ smtp: 'nowhere' })).rejects.toThrow(
    'Invalid HERALD_INBOX_SMTP "nowhere": expected host:port',
  )
})

test('an inbox that is not running is reported as such', async () => {
  const inbox = await startInbox()
  await inbox.stop()
  await expect(openInboxClient(inbox.webUrl)).rejects.toThrow('does not answer. Is it running?')
})

test('clearing while mail arrives loses no later mail and does not end the inbox', async () => {
  const inbox = await startInbox()
  const transport = createTransport({ url: inbox.smtpUrl, pool: true, maxConnections: 2 })
  const send = (subject: string) =>
    transport.sendMail({ from: 'a@example.com', to: 'b@example.com', subject, text: '.' })
  try {
    const client = await openInboxClient(inbox.webUrl)
    for (let round = 0; round < 20; round += 1) {
      await Promise.all([send('soon gone'), client.clear(), client.clear(), client.list()])
    }
    await client.clear()
    await send('kept')
    await client.waitFor(({ subject }) => subject === 'kept')
  } finally {
    transport.close()
    await inbox.stop()
  }
})
