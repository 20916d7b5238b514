import { createTransport } from 'nodemailer'
import type { MailContent } from '../capture-mail.js'

/** nodemailer's own pool. */
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
    /** Sends bytes that were composed before. */
    send: (to: string, raw: string) =>
      transport.sendMail({ envelope: { from: 'herald@localhost', to: [to] }, raw }),
    /** Has nodemailer compose it. */
    compose: (to: string, messageId: string, content: MailContent) =>
      transport.sendMail({ from: 'herald@localhost', to, messageId, ...content }),
    close: () => transport.close(),
  }
}
