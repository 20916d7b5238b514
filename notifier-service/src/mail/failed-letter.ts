import type { ReceivedConversionFailed } from '@herald/proto/events'
import { html } from './html.js'
import { heading, layout, lead, name, section } from './layout.js'
import type { Letter } from './letter.js'
import { moment } from './quantities.js'
import { shortened, visible } from './visible-text.js'

/** Tells that a file could not be converted: what was wrong and what to do. */
export function failedLetter(event: ReceivedConversionFailed): Letter {
  const fileName = visible(event.fileName) || 'Your file'
  const wrong = visible(event.message) || 'The converter did not say why.'
  const remedy = visible(event.remedy)
  const formats = event.formats.map(visible).join(', ')
  const asked = formats ? `It was to become ${formats}.` : ''
  const failed = moment(event.failedAtUnixMs)
  const trace = `Conversion ${visible(event.conversionId)}${event.code ? `, ${visible(event.code)}` : ''}`
  return {
    subject: `${shortened(fileName, 80)} could not be converted`,
    text: [
      `${fileName} could not be converted.`,
      ...(asked ? [asked] : []),
      '',
      'What was wrong:',
      `  ${wrong}`,
      '',
      ...(remedy ? ['What to do:', `  ${remedy}`, ''] : []),
      ...(failed ? [`It failed on ${failed}.`, ''] : []),
      '-- ',
      `Sent by Herald. ${trace}`,
      '',
    ].join('\n'),
    html: layout({
      title: `${fileName} could not be converted`,
      glance: wrong,
      body: html`${heading(html`${name(shortened(fileName, 80))} could not be converted`)}
${lead(html`${asked}`)}
<div class="line" style="padding: 2px 0 2px 14px; border-left: 4px solid #c93a2b">
<div class="bad" style="color: #b3261e; font-weight: 600">What was wrong</div>
<div style="overflow-wrap: anywhere">${wrong}</div>
</div>
${remedy ? section('What to do', html`<div style="overflow-wrap: anywhere">${remedy}</div>`) : undefined}`,
      footer: html`${failed ? html`It failed on ${failed}.<br>` : undefined}Sent by Herald. <span style="overflow-wrap: anywhere">${trace}</span>`,
    }).markup,
    attachments: [],
    language: 'en',
  }
}
