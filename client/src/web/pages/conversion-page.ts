import { escapeControls } from '@herald/runtime/terminal-text'
import type { Progress } from '../conversion-events.js'
import { paths } from '../links.js'
import { type ConversionRecord, isOver, type ResultFile } from '../record.js'
import { filled } from '../words.js'
import { fileName, filledHtml, type Html, html } from './html.js'
import { layout } from './layout.js'
import { mailSection } from './mail-status.js'
import { bar, errorText, sizes } from './row.js'
import { changesSince, formatName, type View } from './view.js'

const refreshSeconds = 2

/** The page of one conversion, to which the e-mail links. */
export function conversionPage(
  view: View,
  record: ConversionRecord,
  progress: Progress | undefined,
): string {
  const isSettled = isOver(record)
  return layout(view, {
    title: `${escapeControls(record.name)} · Herald`,
    body: html`<div id="conversion">${conversionBody(view, record, progress)}</div>
<p class="unseen" id="say" role="status" aria-live="polite"></p>`,
    refreshSeconds: isSettled ? undefined : refreshSeconds,
    script: 'conversion.js',
    data: { token: record.token, stages: view.words.stages, since: changesSince(view) },
  })
}

/** The part that changes while the page is open. */
export function conversionBody(
  view: View,
  record: ConversionRecord,
  progress: Progress | undefined,
): Html {
  const { words, quantities, keepMs } = view
  const { name, state, token, finishedAtMs } = record
  return html`<article class="card result ${state}">
<h1 class="name">${fileName(name)}</h1>
${state === 'failed' && html`<p class="fault"><strong>${words.failed}</strong> ${errorText(record, view)}</p>`}
${!isOver(record) && bar(view, progress)}
${state === 'converted' && result(view, record)}
${mailSection(record, view)}
<footer>${finishedAtMs > 0 && html`<p class="hint">${filledHtml(words.expires, { time: quantities.time(finishedAtMs + keepMs) })}</p>`}
<form method="post" action="${paths.remove(token)}"><button class="quiet">${words.removeLong}</button></form>
<a class="quiet" href="/">${words.again}</a></footer>
</article>`
}

function result(view: View, record: ConversionRecord): Html {
  const { words } = view
  const { preview, token, files, stripped } = record
  const left = stripped.map((each) => words.strippedWords[each] ?? each)
  return html`${preview && html`<img class="picture" src="${paths.preview(token)}" alt="" width="${preview.width}" height="${preview.height}">`}
<p class="sizes big">${sizes(record, view)}</p>
${left.length > 0 && html`<p class="hint">${filled(words.stripped, { what: view.quantities.list(left) })}</p>`}
<ul class="files">${files.map((file) => fileItem(view, record, file))}</ul>
${files.length > 1 && html`<p><a class="button" href="${paths.zip(token)}" download>${words.downloadAll}</a></p>`}`
}

function fileItem({ words, quantities }: View, { token }: ConversionRecord, file: ResultFile) {
  const { name, format, width, height, pages, sizeBytes } = file
  const facts = [
    formatName(format),
    ...(width > 0 ? [filled(words.pixels, { width, height })] : []),
    ...(pages > 1 ? [filled(words.pageCount, { pages })] : []),
    quantities.bytes(sizeBytes),
  ]
  return html`<li><div><p class="name">${fileName(name)}</p><p class="hint">${facts.join(' · ')}</p></div>
<a class="button" href="${paths.file(token, name)}" download aria-label="${words.download}: ${escapeControls(name)}">${words.download}</a></li>`
}
