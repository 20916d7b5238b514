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

  /** Pages and their sizes are known only from the PDF; `convert` then uses the same PDF. */
  inspect: async (source) => {
    const inspection = await pdfEngine.inspect(await printed(source))
    // LibreOffice makes it of headings and sheets: the document itself loses nothing.
    return { ...inspection, holds: inspection.holds.filter((part) => part !== 'outline') }
  },

  convert: async (source, plan, target, limits) =>
    pdfEngine.convert(await printed(source), plan, target, limits),

  preview: (rendition, limits) => pdfEngine.preview(rendition, limits),
}

/** The path of the document as a PDF, made at the first call and kept beside the source. */
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
