import { createTransport } from 'nodemailer'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { type InboxClient, openInboxClient } from '#src/inbox-client'
import { type InboxProcess, startInbox, startMailHog } from '#src/inbox-process'
import { findOrBuildMailHog } from '#src/mailhog-binary'

const picture = Buffer.from(
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==',
  'base64',
)

const mailHog = await findOrBuildMailHog()
if ('missing' in mailHog) console.warn(`real MailHog is skipped: ${mailHog.missing}`)

const inboxes: [string, () => Promise<InboxProcess>][] = [['maildev', () => startInbox()]]
if ('path' in mailHog) inboxes.push(['mailhog', () => startMailHog(mailHog.path)])

describe.each(inboxes)('the inbox client on %s', (name, start) => {
  let inbox: InboxProcess
  let client: InboxClient

  beforeAll(async () => {
    inbox = await start()
    client = await openInboxClient(inbox.webUrl)
  }, 310_000)
  beforeEach(() => client.clear())
  afterAll(() => inbox?.stop())

  async function send(subject: string, to = 'Ada Lovelace <ada@example.com>') {
    const transport = createTransport(inbox.smtpUrl)
    try {
      await transport.sendMail({
        messageId: '<one@herald.localhost>',
        date: new Date('2026-03-01T12:00:00Z'),
        from: '"Hérald" <herald@example.com>',
        to,
        bcc: 'eve@example.com',
        subject,
        text: 'Grüße\n.\n.. a line that begins with dots',
        html: '<p>Grüße, 世界 <img src="cid:preview@herald"></p>',
        attachments: [{ filename: 'preview.png', content: picture, cid: 'preview@herald' }],
      })
    } finally {
      transport.close()
    }
  }

  test('detects which inbox it is', () => {
    expect(client.server).toBe(name)
  })

  test('reads a mail with a UTF-8 subject, text, HTML and an inline picture', async () => {
    await send('Straße 世界 🎉 is ready')
    const mail = await client.waitFor(({ subject }) => subject.startsWith('Straße'))
    expect(mail).toMatchObject({
      subject: 'Straße 世界 🎉 is ready',
      from: { name: 'Hérald', address: 'herald@example.com' },
      to: [{ name: 'Ada Lovelace', address: 'ada@example.com' }],
      recipients: ['ada@example.com', 'eve@example.com'],
      date: new Date('2026-03-01T12:00:00Z'),
      messageId: '<one@herald.localhost>',
    })
    expect(mail.text.trimEnd()).toBe('Grüße\n.\n.. a line that begins with dots')
    expect(mail.html).toContain('Grüße, 世界')
    expect(mail.attachments).toHaveLength(1)
    expect(mail.attachments[0]).toMatchObject({
      fileName: 'preview.png',
      mediaType: 'image/png',
      inline: true,
      contentId: 'preview@herald',
    })
    expect(Buffer.from(mail.attachments[0]?.content ?? [])).toEqual(picture)
    expect(mail.raw).toMatch(/^Message-ID: <one@herald\.localhost>\r$/m)
    expect(mail.headers).toContainEqual({ name: 'mime-version', value: '1.0' })
  })

  test('lists in the order of arrival, over more than one page', async () => {
    const transport = createTransport({ url: inbox.smtpUrl, pool: true, maxConnections: 1 })
    const subjects = Array.from({ length: 260 }, (_, index) => `number ${index}`)
    for (const subject of subjects) {
      await transport.sendMail({ from: 'a@example.com', to: 'b@example.com', subject, text: '.' })
    }
    transport.close()
    await expect.poll(async () => (await client.list()).length).toBe(260)
    expect((await client.list()).map(({ subject }) => subject)).toEqual(subjects)
  })

  test('clear deletes every mail', async () => {
    await send('to be deleted')
    await client.waitFor(({ subject }) => subject === 'to be deleted')
    await client.clear()
    expect(await client.list()).toEqual([])
  })

  test('names the mails of the inbox if the awaited one does not come', async () => {
    await send('another one')
    await client.waitFor(({ subject }) => subject === 'another one')
    await expect(client.waitFor(() => false, 100)).rejects.toThrow(
      /No such mail within 100 ms.*holds 1:\n {2}ada@example.com, eve@example.com: another one/s,
    )
  })
})
