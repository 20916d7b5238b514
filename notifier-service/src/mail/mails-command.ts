import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { HeraldError } from '@herald/proto/errors'
import { createFolder } from '@herald/runtime/create-folder'
import type { Terminal } from '@herald/runtime/terminal'
import { composeMail, messageIdOf } from './compose.js'
import { createMailWriter, type MailContent } from './mail-writer.js'
import { type SampleMail, sampleMails } from './sample-mails.js'
import { shippedFolder } from './template-files.js'
import { loadTemplates, type Templates } from './templates.js'

export interface MailsCommandOptions {
  /** The folder for the files; created if it does not exist. */
  readonly out: string
  /** Templates to render; undefined: the built-in ones. */
  readonly templates: string | undefined
}

const from = 'Herald <herald@example.org>'

/**
 * Writes each kind of mail in each language as a page (`failed.ru.html`), its text part and the
 * whole mail. Resolves to the exit status; rejects with ConfigurationError naming the errors, or with
 * HERALD_CANNOT_WRITE.
 */
export async function mailsCommand(
  { out, templates: folder }: MailsCommandOptions,
  { terminal }: { terminal: Terminal },
): Promise<number> {
  const templates = loadTemplates(folder)
  try {
    await createFolder(out)
    await writeSamples(templates, out, terminal)
  } catch (error) {
    if (!(error instanceof Error && 'syscall' in error)) throw error
    throw new HeraldError(
      'HERALD_CANNOT_WRITE',
      `The mails cannot be written to ${out}: ${error.message}.`,
      { remedy: 'Choose another folder with --out.', cause: error },
    )
  }
  return 0
}

async function writeSamples(templates: Templates, out: string, terminal: Terminal): Promise<void> {
  const preview = await readFile(join(shippedFolder, 'sample.jpg'))
  for (const language of templates.wordings.keys()) {
    for (const sample of sampleMails(preview)) {
      for (const path of await writeSample(sample, language, templates, out)) terminal.print(path)
    }
  }
}

async function writeSample(
  { name, events }: SampleMail,
  language: string,
  templates: Templates,
  out: string,
): Promise<string[]> {
  const [first] = events
  if (first === undefined) return []
  const writer = createMailWriter(templates, language)
  const content = writer.write(events, { language })
  const mail = composeMail(writer, events, {
    ...{ language, from, to: 'ada@example.com' },
    messageId: messageIdOf(first.envelope, from),
  })
  const files = { html: pageOf(content), txt: content.text, eml: mail }
  return Promise.all(
    Object.entries(files).map(async ([extension, data]) => {
      const path = join(out, `${name}.${language}.${extension}`)
      await writeFile(path, data)
      return path
    }),
  )
}

/** A browser shows no `cid:`. */
function pageOf({ html, pictures }: MailContent): string {
  return pictures.reduce(
    (page, { cid, mediaType, data }) =>
      page.replaceAll(
        `cid:${cid}`,
        `data:${mediaType};base64,${Buffer.from(data).toString('base64')}`,
      ),
    html,
  )
}
