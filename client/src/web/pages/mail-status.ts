import { escapeControls } from '@herald/runtime/terminal-text'
import type { ConversionRecord } from '../record.js'
import { filled, type Words } from '../words.js'
import { filledHtml, type Html, html } from './html.js'
import type { View } from './view.js'

type MailState = keyof Words['mail']

const marks = { waiting: '…', sending: '…', sent: '✓', failed: '!', uncertain: '?' } as const

/** The state of the e-mail, since when, and details. */
function statusOf(
  { announcement, recipient, mail }: ConversionRecord,
  { words }: View,
): { state: MailState; atMs: number; detail: string } | undefined {
  if (!announcement || recipient === '') return undefined
  if (mail) {
    const state = ({ mailed: 'sent', 'given up': 'failed', uncertain: 'uncertain' } as const)[
      mail.state
    ]
    const detail = state === 'sent' ? words.mailReply : words.mailReason
    return { state, atMs: mail.atMs, detail: filled(detail, { reply: escapeControls(mail.reply) }) }
  }
  if (announcement.publishedAtMs > 0) return { state: 'sending', atMs: 0, detail: '' }
  // The reason is for the operator: it names hosts and variables.
  return { state: 'waiting', atMs: 0, detail: announcement.lastFault ? words.mailDelayed : '' }
}

function sentence(state: MailState, { recipient }: ConversionRecord, { words }: View): Html {
  const address = html`<bdi>${escapeControls(recipient)}</bdi>`
  return html`<span class="mark" aria-hidden="true">${marks[state]}</span><span>${filledHtml(words.mail[state], { address })}</span>`
}

/** In one line, for a list. */
export function mailLine(record: ConversionRecord, view: View): Html | undefined {
  const status = statusOf(record, view)
  return status && html`<p class="mail ${status.state}">${sentence(status.state, record, view)}</p>`
}

/** With the time and the server's reply, for the conversion's own page. */
export function mailSection(record: ConversionRecord, view: View): Html | undefined {
  const status = statusOf(record, view)
  if (!status) return undefined
  const { state, atMs, detail } = status
  return html`<section aria-labelledby="mail"><h2 id="mail">${view.words.mailTitle}</h2>
<p class="mail ${state}">${sentence(state, record, view)}</p>
${atMs > 0 && html`<p class="hint">${view.quantities.time(atMs)}</p>`}
${detail && html`<p class="hint">${detail}</p>`}</section>`
}
