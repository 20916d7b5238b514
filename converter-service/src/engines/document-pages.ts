import { readFile, writeFile } from 'node:fs/promises'
import MarkdownIt from 'markdown-it'

const style = `
@page { size: 21cm 29.7cm; margin: 2cm; }
body, h1, h2, h3, h4, h5, h6 { font-family: sans-serif; }
body { font-size: 11pt; }
pre, code { font-family: monospace; font-size: 10pt; }
pre { background: #f4f4f4; padding: 0.2cm; }
blockquote { margin-left: 0.8cm; color: #555555; }
table { border-collapse: collapse; }
td, th { border: 1px solid #999999; padding: 0.1cm; }
`

/** Markdown as a page: HTML and pictures within it are shown as they are written. */
export async function prepareMarkdown(source: string, target: string): Promise<void> {
  const markdown = new MarkdownIt({ html: false, linkify: false }).disable('image')
  const body = markdown.render(await readFile(source, 'utf8'))
  await writeFile(target, page(body))
}

/** LibreOffice takes a page without a word on its characters for Latin-1. */
export async function prepareHtml(source: string, target: string): Promise<void> {
  const text = await readFile(source, 'utf8')
  const said = /<meta[^>]+charset/i.test(text.slice(0, 4096))
  await writeFile(target, said ? text : `\ufeff${text}`)
}

/**
 * LibreOffice follows the pictures that an RTF names whatever its settings say, so the words for
 * that are made harmless. They may be spelled in other ways: where there is a sandbox, that holds.
 */
export async function prepareRtf(source: string, target: string): Promise<void> {
  const rtf = await readFile(source, 'latin1')
  const words =
    /INCLUDE(?=PICTURE|TEXT|\b)|DDE(?=AUTO|\b)|\bLINK\b|\\template|\\objlink|\\objupdate/gi
  await writeFile(
    target,
    rtf.replace(words, (word) => 'x'.repeat(word.length)),
    'latin1',
  )
}

function page(body: string): string {
  return `<!DOCTYPE html><html><head><meta charset="utf-8"><style>${style}</style></head><body>${body}</body></html>`
}
