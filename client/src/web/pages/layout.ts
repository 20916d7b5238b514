import { type Html, html } from './html.js'
import type { View } from './view.js'

export interface Page {
  readonly title: string
  readonly body: Html
  /** Seconds after which a browser without JavaScript loads it again. */
  readonly refreshSeconds?: number | undefined
  /** The page's script. */
  readonly script?: string
  /** Data for the script. */
  readonly data?: Readonly<Record<string, unknown>>
}

/** The whole document around a page's content. */
export function layout(view: View, { title, body, refreshSeconds, script, data }: Page): string {
  const { words, asset } = view
  return html`<!doctype html>
<html lang="${words.language}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="robots" content="noindex">
<title>${title}</title>
<link rel="icon" href="${asset('icon.svg')}" type="image/svg+xml">
<link rel="stylesheet" href="${asset('page.css')}">
${refreshSeconds && html`<noscript><meta http-equiv="refresh" content="${refreshSeconds}"></noscript>`}
${script && html`<script type="module" src="${asset(script)}"></script>`}
</head>
<body${data && html` data-page="${JSON.stringify(data)}"`}>
<header class="top"><a class="brand" href="/"><img src="${asset('icon.svg')}" alt="" width="28" height="28">Herald</a></header>
<main id="main">
${body}
</main>
</body>
</html>
`.text
}
