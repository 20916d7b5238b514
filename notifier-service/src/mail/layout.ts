import { Html, html } from './html.js'

// Written for the oldest reader as well: the colours of a light page stand in the elements, a
// reader that knows prefers-color-scheme overrides them by class.
const styles = new Html(`<style>
:root { color-scheme: light dark; supported-color-schemes: light dark; }
@media (prefers-color-scheme: dark) {
  .page { background: #15181c !important; }
  .card { background: #1f242a !important; border-color: #323a43 !important; }
  .ink { color: #e8ebee !important; }
  .soft { color: #a3adb8 !important; }
  .line { border-color: #323a43 !important; }
  .good { color: #6fcf97 !important; }
  .bad { color: #ff8f80 !important; }
  .code { background: #15181c !important; color: #c9d1d9 !important; }
  a { color: #8ab4f8 !important; }
}
@media (max-width: 480px) {
  .page { padding: 0 !important; }
  .card { border-radius: 0 !important; border-left: 0 !important; border-right: 0 !important; padding: 24px 20px !important; }
}
</style>`)

const fonts =
  "font-family: -apple-system, BlinkMacSystemFont, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, sans-serif"

export interface Page {
  readonly title: string
  /** What an inbox shows beside the subject. */
  readonly glance: string
  readonly body: Html
  readonly footer: Html
}

/** The page around a letter: one column of at most 600 px. */
export function layout({ title, glance, body, footer }: Page): Html {
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="supported-color-schemes" content="light dark">
<title>${title}</title>
${styles}
</head>
<body class="page" style="margin: 0; padding: 24px 12px; background: #f1f3f5; ${fonts}; -webkit-text-size-adjust: 100%">
<div style="display: none; max-height: 0; overflow: hidden">${glance}</div>
<div class="card ink" style="max-width: 600px; margin: 0 auto; box-sizing: border-box; padding: 32px; background: #ffffff; border: 1px solid #dfe3e8; border-radius: 12px; color: #1d2329; font-size: 15px; line-height: 1.5">
${body}
<div class="line soft" style="margin-top: 28px; padding-top: 16px; border-top: 1px solid #e6e9ed; color: #66717d; font-size: 12px; line-height: 1.6">${footer}</div>
</div>
</body>
</html>
`
}

export const heading = (content: Html) =>
  html`<h1 class="ink" style="margin: 0 0 4px; font-size: 22px; line-height: 1.3; font-weight: 650; color: #1d2329; overflow-wrap: anywhere">${content}</h1>`

export const lead = (content: Html) =>
  html`<p class="soft" style="margin: 0 0 20px; color: #66717d">${content}</p>`

export const section = (title: string, content: Html) =>
  html`<h2 class="soft" style="margin: 26px 0 8px; font-size: 12px; font-weight: 600; letter-spacing: 0.06em; text-transform: uppercase; color: #66717d">${title}</h2>
${content}`

/** A name from outside: it breaks anywhere, and its direction is its own affair. */
export const name = (text: string) => html`<bdi style="overflow-wrap: anywhere">${text}</bdi>`

export const monospace = (text: string) =>
  html`<code class="code" style="display: block; padding: 8px 10px; border-radius: 6px; background: #f4f6f8; color: #3d4650; font-family: ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; font-size: 12px; line-height: 1.5; overflow-wrap: anywhere">${text}</code>`
