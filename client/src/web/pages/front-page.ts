import type { ReceivedFormat } from '@herald/proto/converter'
import { flagOf, optionRows, type RenditionOption } from '@herald/proto/rendition-options'
import type { Progress } from '../conversion-events.js'
import { type ConversionRecord, isConverted } from '../record.js'
import { filled, type Words } from '../words.js'
import { type Html, html } from './html.js'
import { layout } from './layout.js'
import { row } from './row.js'
import { changesSince, formatName, type View } from './view.js'

export interface FrontPage {
  /** Empty if the converter has never been reached. */
  readonly formats: readonly ReceivedFormat[]
  readonly converterAway: boolean
  /** The largest file accepted; 0: not known. */
  readonly maxBytes: number
  /** Who may get e-mail: any address, addresses at these domains, or nobody. */
  readonly recipients: 'any' | 'none' | readonly string[]
  readonly history: readonly ConversionRecord[]
  progressOf(token: string): Progress | undefined
}

/** Listed first, in this order. */
const favourites = ['webp', 'avif', 'jpeg', 'png', 'pdf']

export function frontPage(view: View, page: FrontPage): string {
  const { words, quantities, keepMs } = view
  const isAbsent = page.formats.length === 0
  const notice = isAbsent ? words.converterAbsent : page.converterAway && words.converterAway
  // The files come last: the form is read as it arrives, and their fields must be known.
  const body = html`<div class="hero"><h1>${words.title}</h1>
<p class="lead">${page.recipients === 'none' ? words.lead : words.leadMail}</p></div>
${notice && html`<p class="notice" role="status" id="away">${notice}</p>`}
<form id="convert" class="card" method="post" action="/convert" enctype="multipart/form-data">
<div class="settings">
<div class="field"><label for="to">${words.format}</label>
<select id="to" name="to"${isAbsent && html` disabled`}>${isAbsent && html`<option>…</option>`}${ordered(
    page.formats,
  ).map(
    ({ name, defaultQuality }) =>
      html`<option value="${name}"${defaultQuality !== undefined && html` data-quality="${defaultQuality}"`}>${formatName(name)}</option>`,
  )}</select></div>
${optionFields('first', words)}
</div>
<details><summary>${words.more}</summary>
${optionFields('more', words)}
</details>
${notifyField(view, page.recipients)}
<div class="drop" id="drop"><label for="files"><span class="drop-big"><span class="mouse" id="drop-text">${words.drop}</span><span class="touch">${words.pick}</span></span><span class="drop-small mouse">${words.choose}</span></label>
<input id="files" name="file" type="file" multiple required></div>
<div class="live" id="live" hidden></div>
<div class="send"><button class="button" id="send"${isAbsent && html` disabled`}>${words.convert}</button></div>
<p class="hint">${filled(words.privacy, { time: quantities.duration(keepMs) })}</p>
</form>
<section aria-labelledby="yours" class="history"><div class="history-head"><h2 id="yours">${words.yours}</h2>
<a class="quiet" id="zip" href="/all.zip" download${!page.history.some(isConverted) && html` hidden`}>${words.downloadAll}</a></div>
<p class="empty" id="empty"${page.history.length > 0 && html` hidden`}>${words.none}</p>
<ul class="rows" id="rows">${page.history.map((record) => row(record, view, page.progressOf(record.token)))}</ul>
</section>
<p class="unseen" id="say" role="status" aria-live="polite"></p>`
  const { live, stages, needsFile, drop, dropMore } = words
  return layout(view, {
    title: `${words.title} · Herald`,
    body,
    script: 'front.js',
    // Without JavaScript the page is loaded again until the converter is there.
    refreshSeconds: isAbsent ? 3 : undefined,
    data: {
      ...{
        live,
        stages,
        needsFile,
        drop,
        dropMore,
        convert: words.convert,
        since: changesSince(view),
      },
      readable: page.formats.flatMap(({ readable, extensions }) => (readable ? extensions : [])),
      maxBytes: page.maxBytes,
    },
  })
}

/** The fields of the table's options; each has the name of its flag. */
function optionFields(place: RenditionOption['form'], words: Words): Html[] {
  const rows = optionRows.filter(([, { form }]) => form === place)
  return rows.map(([name, option]) => {
    const label = option.label?.[words.language] ?? flagOf(name)
    const flag = flagOf(name)
    const ticked = option.checkbox ?? (option.argument === undefined && 'yes')
    if (ticked)
      return html`<label class="check"><input type="checkbox" name="${flag}" value="${ticked}"> ${label}</label>`
    return html`<div class="field ${flag}"><label for="${flag}">${label}</label>
${input(flag, option, words)}</div>`
  })
}

function input(flag: string, { type: { range, choices } }: RenditionOption, { auto }: Words): Html {
  if (choices.length > 0)
    return html`<select id="${flag}" name="${flag}"><option value="">${auto}</option>${choices.map((choice) => html`<option>${choice}</option>`)}</select>`
  if (!range) return html`<input id="${flag}" name="${flag}" placeholder="${auto}">`
  const [min, max] = range
  return html`<input id="${flag}" name="${flag}" type="number" min="${min}" max="${max}" inputmode="numeric" placeholder="${auto}">`
}

function notifyField({ words }: View, recipients: FrontPage['recipients']): Html | false {
  if (recipients === 'none') return false
  const only =
    typeof recipients === 'string'
      ? ''
      : ` ${filled(words.onlyDomains, { domains: recipients.join(', ') })}`
  return html`<div class="field notify"><label for="notify">${words.notify}</label>
<input id="notify" name="notify" type="email" autocomplete="email" maxlength="254" aria-describedby="notify-hint" placeholder="ada@example.com">
<p class="hint" id="notify-hint">${words.notifyHint}${only}</p></div>`
}

function ordered(formats: readonly ReceivedFormat[]): readonly ReceivedFormat[] {
  const place = ({ name }: ReceivedFormat) => favourites.indexOf(name)
  const rank = (each: ReceivedFormat) => (place(each) < 0 ? favourites.length : place(each))
  return formats.filter(({ writable }) => writable).sort((a, b) => rank(a) - rank(b))
}
