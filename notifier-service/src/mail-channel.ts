import type { Channel } from './channel.js'
import { composeMail, messageIdOf } from './mail/compose.js'
import type { Letters } from './mail/letters.js'
import { recipientOf } from './recipient.js'
import type { SmtpSender } from './smtp/smtp-sender.js'

export interface MailPolicy {
  /** The From header of every mail. */
  readonly mailFrom: string
  /** The recipient of events that name none. */
  readonly mailTo: string
}

/** Tells the recipient by e-mail. */
export function createMailChannel(
  { mailFrom, mailTo }: MailPolicy,
  { letters, sender }: { letters: Letters; sender: SmtpSender },
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
        template: letters.templateFor([received]),
        ...('problem' in to ? { problem: to.problem } : {}),
      }
    },
    async send({ mail, events, record, isWanted }, beforeBody) {
      const compose = () =>
        composeMail(letters, events, {
          from: mail.from,
          to: mail.recipient,
          messageId: mail.messageId,
          template: mail.template,
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
