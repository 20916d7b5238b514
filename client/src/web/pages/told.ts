import { shown } from '@herald/runtime/terminal-text'
import type { ConversionRecord } from '../record.js'
import { filled } from '../words.js'
import { type Html, html } from './html.js'
import type { View } from './view.js'

type StepState = 'done' | 'now' | 'later' | 'bad'

interface Step {
  readonly name: string
  readonly state: StepState
  readonly detail: string
}

/** The announcement's way, as far as it has come: announced → queued → mailed. */
export function stepsOf(record: ConversionRecord, view: View): Step[] {
  const { words, outcome, quantities } = view
  const { announcement, recipient } = record
  if (!announcement || recipient === '') return []
  const { steps, stepsLong } = words
  const mail = outcome(announcement.eventId)
  const { partition, offset, lastFault, keptAtMs } = announcement
  // Who has the mail has had the event, whatever the outbox has noted by now.
  const isPublished = announcement.publishedAtMs > 0 || mail !== undefined
  const isBad = mail !== undefined && mail.state !== 'mailed'
  return [
    { name: steps.announced, state: 'done', detail: quantities.clock(keptAtMs) },
    {
      name: steps.queued,
      state: isPublished ? 'done' : 'now',
      detail: isPublished
        ? partition === null
          ? ''
          : filled(stepsLong.queued, { partition, offset: offset ?? '' })
        : lastFault
          ? filled(stepsLong.waitsForBroker, { reason: shown(lastFault) })
          : stepsLong.announced,
    },
    {
      name: isBad ? (mail.state === 'uncertain' ? steps.uncertain : steps.givenUp) : steps.mailed,
      state: mail ? (isBad ? 'bad' : 'done') : isPublished ? 'now' : 'later',
      detail: mail
        ? `${quantities.clock(mail.atMs)} · ${shown(mail.reply)}`
        : isPublished
          ? stepsLong.waitsForMail
          : '',
    },
  ]
}

const stateMark = { done: '✓', now: '…', later: '', bad: '!' } as const

/** In one line, for a list. */
export function toldLine(record: ConversionRecord, view: View): Html | undefined {
  const steps = stepsOf(record, view)
  if (steps.length === 0) return undefined
  return html`<p class="told"><bdi>${shown(record.recipient)}</bdi> <span class="steps">${steps.map(
    ({ name, state, detail }) =>
      html`<span class="step ${state}"${detail && html` title="${detail}"`}>${name}${state === 'later' ? '' : html`<span aria-hidden="true"> ${stateMark[state]}</span>`}</span>`,
  )}</span></p>`
}

/** In full, for the conversion's own page. */
export function toldInFull(record: ConversionRecord, view: View): Html | undefined {
  const steps = stepsOf(record, view)
  if (steps.length === 0) return undefined
  const { words } = view
  return html`<section aria-labelledby="told"><h2 id="told">${words.told}</h2>
<p><bdi>${shown(record.recipient)}</bdi></p>
<ol class="way">${steps.map(
    ({ name, state, detail }) =>
      html`<li class="${state}"><span class="mark" aria-hidden="true">${stateMark[state]}</span><strong>${name}</strong>${detail && html`<span class="detail">${detail}</span>`}</li>`,
  )}</ol></section>`
}
