import { escapeControls } from '@herald/runtime/terminal-text'
import type { Progress } from '../conversion-events.js'
import { paths } from '../links.js'
import { type ConversionRecord, isOver, pathOf, sumOfSizes, undoMs } from '../record.js'
import { filled } from '../words.js'
import { fileName, type Html, html } from './html.js'
import { mailLine } from './mail-status.js'
import { formatName, type View } from './view.js'

/** One conversion in a list. */
export function row(record: ConversionRecord, view: View, progress?: Progress): Html {
  const { words } = view
  const { token, key, name, state, deletedAtMs } = record
  if (deletedAtMs) return deletedRow(record, view)
  const end = isOver(record) ? words.remove : words.live.cancel
  return html`<li class="row ${state}" id="c-${token}" data-key="${key}">
<div class="thumb">${thumb(record)}</div>
<div class="what">
<p class="name"><a href="${paths.page(token)}">${fileName(pathOf(record))}</a></p>
${isOver(record) ? outcome(record, view) : bar(view, progress)}
${mailLine(record, view)}
</div>
<div class="act">${actions(record, view)}
<form method="post" action="${paths.remove(token)}"><button class="quiet" aria-label="${end}: ${escapeControls(name)}">${end}</button></form></div>
</li>`
}

function deletedRow(record: ConversionRecord, { words, quantities }: View): Html {
  const { token, key, name } = record
  return html`<li class="row deleted" id="c-${token}" data-key="${key}">
<div class="what">
<p class="name">${fileName(pathOf(record))}</p>
<p class="hint">${filled(words.deleted, { time: quantities.duration(undoMs) })}</p>
</div>
<div class="act"><form method="post" action="${paths.restore(token)}"><button class="button small" aria-label="${words.undo}: ${escapeControls(name)}">${words.undo}</button></form></div>
</li>`
}

function thumb({ preview, token, target }: ConversionRecord): Html {
  if (!preview) return html`<span class="format" aria-hidden="true">${formatName(target)}</span>`
  return html`<img src="${paths.preview(token)}" alt="" width="${preview.width}" height="${preview.height}" loading="lazy">`
}

function actions({ state, token, files, name }: ConversionRecord, { words }: View): Html | false {
  const [file] = files
  if (state !== 'converted' || !file) return false
  const href = files.length === 1 ? paths.file(token, file.name) : paths.zip(token)
  return html`<a class="button small" href="${href}" download aria-label="${words.download}: ${escapeControls(files.length === 1 ? file.name : name)}">${words.download}</a>`
}

function outcome(record: ConversionRecord, view: View): Html {
  if (record.state === 'failed') {
    return html`<p class="fault"><strong>${view.words.failed}</strong> ${errorText(record, view)}</p>`
  }
  const { words } = view
  const hasOneOfPages = record.stripped.includes('pages')
  const note =
    hasOneOfPages && filled(words.stripped, { what: words.strippedWords['pages'] ?? 'pages' })
  return html`<p class="sizes">${sizes(record, view)}</p>${note && html`<p class="hint">${note}</p>`}`
}

/** `JPEG 825 kB → WebP 48 kB, 94 % smaller`. */
export function sizes({ source, files, target }: ConversionRecord, view: View): Html {
  const { quantities, words } = view
  const before = source?.sizeBytes ?? 0
  const after = sumOfSizes(files)
  // Only an empty file is 100 % smaller.
  const share = before === 0 ? 0 : Math.min(1 - after / before, after > 0 ? 0.99 : 1)
  const change =
    files.length === 1 &&
    Math.abs(share) >= 0.005 &&
    // A text becomes a picture of many times its size: a percentage is useless.
    share > -5 &&
    (share > 0 ? words.saved : words.larger).replace(
      '{percent}',
      quantities.percent(Math.abs(share)),
    )
  return html`${formatName(source?.format ?? '')} ${quantities.bytes(before)} <span aria-hidden="true">→</span> ${formatName(target)} ${quantities.bytes(after)}${files.length > 1 && html` (${files.length})`}${change && html` <span class="${share > 0 ? 'less' : 'more'}">${change}</span>`}`
}

export function bar({ words }: View, progress?: Progress): Html {
  const stage = words.stages[progress?.stage ?? 'uploading']
  const value = progress?.done
  return html`<p class="stage"><span class="stage-name">${stage}</span></p>
<progress max="1"${value !== undefined && html` value="${value.toFixed(3)}"`} aria-label="${stage}"></progress>`
}

/** Why it failed, without details that only the operator can act on. */
export function errorText({ fault }: ConversionRecord, { words }: View): string {
  if (!fault) return ''
  return words.errors[fault.code] ?? forVisitor(fault)
}

/** The message; without its remedy if that is for operators or users of the CLI. */
export function forVisitor({ message, remedy }: { message: string; remedy: string }): string {
  const isTheirs = /HERALD_|`|(^|\s)--?[a-z]/.test(remedy)
  return escapeControls(isTheirs ? message : `${message} ${remedy}`.trim())
}
