import { createTransport } from 'nodemailer'
import type { MailContent } from '../capture-mail.js'

/** nodemailer's pool. */
export function openPool(port: number, connections: number) {
  const transport = createTransport({
    pool: true,
    host: '127.0.0.1',
    port,
    ignoreTLS: true,
    maxConnections: connections,
    maxMessages: Number.POSITIVE_INFINITY,
  })
  return {
    send: (to: string, messageId: string, { attachments, ...content }: MailContent) =>
      transport.sendMail({
        ...{ from: 'herald@localhost', to, messageId },
        ...content,
        attachments: [...attachments],
      }),
  }
}
