import type { Channel } from './channel.js'
import { composeMail, messageIdOf } from './mail/compose.js'
import type { MailWriter } from './mail/mail-writer.js'
import { recipientOf } from './recipient.js'
import type { SmtpSender } from './smtp/smtp-sender.js'

export interface MailPolicy {
  /** The From header of every mail. */
  readonly mailFrom: string
  /** The recipient of events that name none. */
  readonly mailTo: string
}

/** Sends e-mail to the recipient. */
export function createMailChannel(
  { mailFrom, mailTo }: MailPolicy,
  { writer, sender }: { writer: MailWriter; sender: SmtpSender },
): Channel {
  return {
    name: 'mail',
    readyName: 'smtp',
    address(received) {
      const to = recipientOf(received.event, mailTo)
      return {
        recipient: 'address' in to ? to.address : '',
        from: mailFrom,
        messageId: messageIdOf(received.envelope, mailFrom),
        template: writer.languageFor([received]),
        ...('problem' in to ? { problem: to.problem } : {}),
      }
    },
    async send({ mail, events, record, isWanted }, beforeBody) {
      const compose = () =>
        composeMail(writer, events, {
          from: mail.from,
          to: mail.recipient,
          messageId: mail.messageId,
          language: languageIn(mail.template),
          withoutPreview: record?.withoutPreview === true,
        })
      const from = addressIn(mail.from)
      return sender.send({ from, to: mail.recipient, compose, isWanted }, beforeBody)
    },
    probe: () => sender.probe(),
    close: () => sender.close(),
  }
}

/** The address within a From header. */
function addressIn(mailbox: string): string {
  return /<([^<>]+)>\s*$/.exec(mailbox)?.[1] ?? mailbox.trim()
}

/** Records of 0.1.0 have the version of the templates before it: `3f9a0c12d4e5/ru`. */
const languageIn = (template: string) => template.slice(template.indexOf('/') + 1)
