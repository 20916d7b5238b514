import { link, mkdir, rename, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { HeraldError } from '@herald/proto/errors'
import { documentFormats } from '../document-formats.js'
import { documentKinds } from './document-kinds.js'
import type { Engine, SourceFile } from './engine.js'
import { findLibreOffice, printToPdf } from './libreoffice.js'
import { pdfEngine } from './pdf.js'
import { refuseBomb } from './unpacking.js'

const office = findLibreOffice(process.env)

/** What people write with office programs and editors, by LibreOffice, as the pages of a PDF. */
export const documentEngine: Engine = {
  name: 'document',

  async probe() {
    if (!office) {
      const unavailable = 'LibreOffice is not installed on this server.'
      return { name: 'document', unavailable, makes: {}, versions: {} }
    }
    const targets = (await pdfEngine.probe()).makes['pdf'] ?? []
    const readable = documentFormats.filter(({ name }) =>
      office.modules.has(documentKinds[name]?.module ?? ''),
    )
    return {
      name: 'document',
      makes: Object.fromEntries(readable.map(({ name }) => [name, targets])),
      versions: { libreoffice: office.version },
    }
  },

  /** Only its pages tell what a document is: this makes the PDF that `convert` then finds. */
  inspect: async (source) => pdfEngine.inspect(await printed(source)),

  convert: async (source, plan, target, limits) =>
    pdfEngine.convert(await printed(source), plan, target, limits),

  preview: (rendition, limits) => pdfEngine.preview(rendition, limits),
}

/** The document as a PDF, which lies beside it from the first time on. */
async function printed(source: SourceFile): Promise<SourceFile> {
  const path = `${source.path}.pdf`
  const isThere = await stat(path).then(
    () => true,
    () => false,
  )
  if (!isThere) await print(source, path)
  return { path, format: 'pdf' }
}

async function print(source: SourceFile, path: string): Promise<void> {
  const kind = documentKinds[source.format]
  if (!office || !kind) throw new Error(`no program prints ${source.format}`)
  if (kind.isZip) await refuseBomb(source.path)
  const folder = `${source.path}.office-${process.pid}`
  await mkdir(folder)
  try {
    const document = join(folder, `document.${kind.extension}`)
    await (kind.prepare ?? link)(source.path, document)
    const filters = { importFilter: kind.importFilter, exportFilter: `${kind.module}_pdf_Export` }
    await printToPdf(office, document, folder, filters)
    await rename(join(folder, 'document.pdf'), path).catch((cause) => {
      throw unreadable(source.format, cause)
    })
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

function unreadable(format: string, cause: unknown): HeraldError {
  return new HeraldError(
    'HERALD_CORRUPT_FILE',
    `This ${format} document cannot be opened: it is damaged, or locked with a password.`,
    { remedy: 'Check that it opens without a password; open it and save it again.', cause },
  )
}
