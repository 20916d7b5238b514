import type { ReceivedFileConverted } from '@herald/proto/events'
import {
  factsOf,
  format,
  inBrief,
  linkOf,
  type Rendition,
  sourceOf,
  strippedIn,
  timesOf,
  whereabouts,
} from './converted-facts.js'
import { type Html, html } from './html.js'
import { heading, layout, lead, monospace, name, section } from './layout.js'
import { type InlinePicture, pictureId } from './letter.js'
import { change } from './quantities.js'
import { shortened, visible } from './visible-text.js'

/** The HTML part. `sourceName` is fit to be shown. */
export function convertedHtml(
  event: ReceivedFileConverted,
  sourceName: string,
  picture: InlinePicture | undefined,
): Html {
  const source = sourceOf(event)
  const stripped = strippedIn(event)
  const brief = inBrief(event.renditions, source.sizeBytes)
  return layout({
    title: `${sourceName} is ready`,
    glance: brief,
    body: html`${heading(html`${name(shortened(sourceName, 80))} is ready`)}
${lead(html`${brief}`)}
${picture ? preview(event, sourceName) : undefined}
${event.renditions.map((each) => renditionCard(each, source.sizeBytes, visible(event.host)))}
${section(
  'Made from',
  html`<div style="overflow-wrap: anywhere"><strong style="font-weight: 600">${name(sourceName)}</strong></div>
<div class="soft" style="margin-bottom: 8px; color: #66717d; font-size: 14px">${[format(source), ...factsOf(source)].join(' · ')}</div>
${source.sha256 ? checksum(source.sha256) : undefined}`,
)}
${
  stripped
    ? section(
        'Left out, for your privacy',
        html`<div style="overflow-wrap: anywhere">${stripped}</div>`,
      )
    : undefined
}`,
    footer: html`${timesOf(event)}<br>Sent by Herald. Conversion <span style="overflow-wrap: anywhere">${visible(event.conversionId)}</span>`,
  })
}

function preview(event: ReceivedFileConverted, sourceName: string): Html {
  const { width, height } = event.preview ?? { width: 0, height: 0 }
  const pixels = width > 0 && height > 0 ? html` width="${width}" height="${height}"` : undefined
  return html`<div class="code" style="margin: 0 0 20px; padding: 12px; border-radius: 10px; background: #f4f6f8">
<img src="cid:${pictureId}"${pixels} alt="Preview of ${sourceName}" style="display: block; margin: 0 auto; max-width: 100%; height: auto; border-radius: 6px">
</div>`
}

function renditionCard(rendition: Rendition, before: number, host: string): Html {
  const saved = change(before, rendition.sizeBytes)
  const smaller = saved?.startsWith('−')
  return html`<div class="line" style="margin-top: 14px; padding-top: 14px; border-top: 1px solid #e6e9ed">
<div style="overflow-wrap: anywhere; font-size: 16px"><strong style="font-weight: 600">${name(visible(rendition.name))}</strong></div>
<div class="soft" style="margin-bottom: 8px; color: #66717d; font-size: 14px">${[format(rendition), ...factsOf(rendition)].join(' · ')}${
    saved
      ? html` · <strong class="${smaller ? 'good' : 'soft'}" style="font-weight: 600; color: ${smaller ? '#1a7f46' : '#66717d'}">${saved.replace(' ', '\u00a0')}</strong>`
      : undefined
  }</div>
${where(rendition, host)}
${rendition.sha256 ? checksum(rendition.sha256) : undefined}
</div>`
}

function where(rendition: Rendition, host: string): Html | undefined {
  const link = linkOf(rendition)
  if (link) {
    return html`<p style="margin: 10px 0 12px"><a href="${link}" style="display: inline-block; padding: 9px 18px; border-radius: 8px; background: #1f5fd0; color: #ffffff !important; font-weight: 600; text-decoration: none">Fetch ${format(rendition)}</a></p>`
  }
  if (!rendition.path) return undefined
  return html`<div class="soft" style="margin: 0 0 4px; color: #66717d; font-size: 13px">It lies ${whereabouts(host)}:</div>
<div style="margin-bottom: 8px">${monospace(visible(rendition.path))}</div>`
}

const checksum = (sha256: string) =>
  html`<div class="soft" style="color: #66717d; font-size: 11px; line-height: 1.5; overflow-wrap: anywhere">SHA-256 <span style="font-family: ui-monospace, SFMono-Regular, Menlo, Consolas, monospace">${visible(sha256)}</span></div>`
