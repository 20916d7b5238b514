import type { HeraldError } from '@herald/proto/errors'
import type { Progress } from '../conversion-events.js'
import { ForbiddenError } from '../guard.js'
import { RecipientNotAllowedError, TooManyError } from '../limits.js'
import { paths } from '../links.js'
import { type ConversionRecord, isConverted, isOver, undoMs } from '../record.js'
import { filled } from '../words.js'
import { html } from './html.js'
import { layout } from './layout.js'
import { forVisitor, row } from './row.js'
import { changesSince, type View } from './view.js'

/** The files that were sent together: for browsers without JavaScript, and for one ZIP of all. */
export function runPage(
  view: View,
  runToken: string,
  records: readonly ConversionRecord[],
  progressOf: (token: string) => Progress | undefined,
): string {
  const { words } = view
  const isSettled = records.every(isOver)
  const hasFiles = records.some(isConverted)
  return layout(view, {
    title: `${words.run} · Herald`,
    body: html`<section class="history"><div class="history-head"><h1>${words.run}</h1>
<a class="button small" id="zip" href="${paths.runZip(runToken)}" download${!hasFiles && html` hidden`}>${words.downloadAll}</a></div>
<ul class="rows" id="rows">${records.map((record) => row(record, view, progressOf(record.token)))}</ul>
<p><a href="/">${words.again}</a></p></section>
<p class="unseen" id="say" role="status" aria-live="polite"></p>`,
    refreshSeconds: isSettled ? undefined : 2,
    script: 'run.js',
    data: { stages: words.stages, since: changesSince(view) },
  })
}

/** For a conversion that was deleted and can be restored. */
export function deletedPage(view: View, { token }: ConversionRecord): string {
  const { words, quantities } = view
  return layout(view, {
    title: `${words.gone} · Herald`,
    body: html`<div class="card message"><h1>${filled(words.deleted, { time: quantities.duration(undoMs) })}</h1>
<form method="post" action="${paths.restore(token)}"><button class="button">${words.undo}</button></form>
<p><a href="/">${words.back}</a></p></div>`,
  })
}

export function gonePage(view: View): string {
  const { words } = view
  return layout(view, {
    title: `${words.gone} · Herald`,
    body: html`<div class="card message"><h1>${words.gone}</h1><p>${words.goneHint}</p><p><a class="button" href="/">${words.back}</a></p></div>`,
  })
}

export function errorPage(view: View, error: HeraldError): string {
  const { words } = view
  return layout(view, {
    title: `${words.wrong} · Herald`,
    body: html`<div class="card message"><h1>${words.wrong}</h1><p>${errorSentence(view, error)}</p><p><a class="button" href="/">${words.back}</a></p></div>`,
  })
}

/** Without details that only the operator can act on. */
export function errorSentence({ words, quantities }: View, error: HeraldError): string {
  if (error instanceof RecipientNotAllowedError) return words.notAllowed
  if (error instanceof TooManyError) {
    return filled(words.tooMany, { time: quantities.duration(error.retryAfterMs ?? 0) })
  }
  if (error instanceof ForbiddenError) return words.otherSite
  const { publicMessage: message, remedy = '' } = error
  return words.errors[error.code] ?? forVisitor({ message, remedy })
}
