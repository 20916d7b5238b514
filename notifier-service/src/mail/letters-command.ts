import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Terminal } from '@herald/runtime/terminal'
import { composeMail, messageIdOf } from './compose.js'
import type { Letter } from './letter.js'
import { createLetters } from './letters.js'
import { everyLetter, type SampleLetter } from './sample-events.js'
import { shippedFolder } from './template-files.js'
import { loadTemplates, type TemplateSet } from './template-set.js'

export interface LettersCommandOptions {
  /** The folder that gets the files; made where it is not there. */
  readonly out: string
  /** Templates to look at; undefined: those that Herald brings. */
  readonly templates: string | undefined
}

const from = 'Herald <herald@example.org>'

/**
 * Writes each letter in each language as a page to look at (`failed.ru.html`), its text part and
 * the whole mail. Resolves to the exit status; rejects with ConfigurationError naming the faults.
 */
export async function lettersCommand(
  { out, templates }: LettersCommandOptions,
  { terminal }: { terminal: Terminal },
): Promise<number> {
  const set = loadTemplates(templates)
  const preview = await readFile(join(shippedFolder, 'sample.jpg'))
  await mkdir(out, { recursive: true })
  for (const language of set.voices.keys()) {
    for (const sample of everyLetter(preview)) {
      for (const path of await writeSample(sample, language, set, out)) terminal.print(path)
    }
  }
  return 0
}

async function writeSample(
  { name, events }: SampleLetter,
  language: string,
  set: TemplateSet,
  out: string,
): Promise<string[]> {
  const letters = createLetters(set, { language })
  const template = `${set.source.version}/${language}`
  const letter = letters.composeLetter(events, { template })
  const [first] = events
  if (first === undefined) return []
  const mail = await composeMail(letters, events, {
    ...{ template, from, to: 'ada@example.com' },
    messageId: messageIdOf(first.envelope, from),
  })
  const contents = { html: pageOf(letter), txt: letter.text, eml: mail }
  return Promise.all(
    Object.entries(contents).map(async ([extension, content]) => {
      const path = join(out, `${name}.${language}.${extension}`)
      await writeFile(path, content)
      return path
    }),
  )
}

/** A browser knows no `cid:`. */
function pageOf({ html, attachments }: Letter): string {
  return attachments.reduce(
    (page, { cid, mediaType, data }) =>
      page.replaceAll(
        `cid:${cid}`,
        `data:${mediaType};base64,${Buffer.from(data).toString('base64')}`,
      ),
    html,
  )
}
