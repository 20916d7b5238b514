import { stat } from 'node:fs/promises'
import { documentFormats } from '../document-formats.js'
import { documentKinds } from './document-kinds.js'
import type { Engine, SourceFile } from './engine.js'
import { findLibreOffice } from './libreoffice.js'
import { pdfEngine } from './pdf.js'
import { printDocument } from './print-document.js'
import { findSandbox, noSandbox } from './sandbox.js'

const office = findLibreOffice(process.env)
const found = office ? await findSandbox() : undefined

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
      versions: {
        libreoffice: office.version,
        ...(found ? { bubblewrap: found.version } : {}),
      },
      sandboxed: found !== undefined,
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
  if (!isThere) {
    if (!office) throw new Error('a document without LibreOffice')
    await printDocument(source, path, office, found?.sandbox ?? noSandbox)
  }
  return { path, format: 'pdf' }
}
