import { mkdir, rename, rm } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { HeraldError } from '@herald/proto/errors'
import { formatsOf } from '../formats.js'
import { documentKinds } from './document/document-kinds.js'
import {
  type Conversion,
  findLibreOffice,
  type LibreOffice,
  runLibreOffice,
} from './document/libreoffice.js'
import { findSandbox, noSandbox, type Sandbox } from './document/sandbox.js'
import { mayHoldTrackedChanges, showTrackedChanges } from './document/tracked-changes.js'
import { refuseBomb } from './document/unpacking.js'
import type { Engine, SourceFile } from './engine.js'
import { pdfEngine } from './pdf.js'

const office = findLibreOffice(process.env)
const found = office ? await findSandbox() : undefined

/** Office documents and texts, which LibreOffice converts to PDF. */
export const documentEngine: Engine = {
  name: 'document',

  async probe() {
    if (!office) {
      const unavailable = 'LibreOffice is not installed on this server.'
      return { unavailable, makes: {}, versions: {} }
    }
    const targets = (await pdfEngine.probe()).makes['pdf'] ?? []
    const readable = formatsOf(documentEngine.name).filter(({ name }) =>
      office.modules.has(documentKinds[name]?.module ?? ''),
    )
    return {
      makes: Object.fromEntries(readable.map(({ name }) => [name, targets])),
      versions: {
        libreoffice: office.version,
        ...(found ? { bubblewrap: found.version } : {}),
      },
      sandboxed: found !== undefined,
    }
  },

  /** Pages and their sizes are known only from the PDF, which is left for `convert`. */
  async inspect(source) {
    if (!office) throw new Error('a document without LibreOffice')
    const pdf = printed(source)
    await printDocument(source, pdf.path, office, found?.sandbox ?? noSandbox)
    const inspection = await pdfEngine.inspect(pdf)
    // LibreOffice makes the outline of headings and sheets: the document itself has none.
    return { ...inspection, holds: inspection.holds.filter((part) => part !== 'outline') }
  },

  convert: (source, plan, target, limits) =>
    pdfEngine.convert(printed(source), plan, target, limits),

  preview: (rendition, limits) => pdfEngine.preview(rendition, limits),
}

/** The document as a PDF. */
const printed = ({ path }: SourceFile): SourceFile => ({ path: `${path}.pdf`, format: 'pdf' })

/**
 * Converts a document to a PDF at `target`. Removes its temporary files beside the source.
 * Rejects with HERALD_TOO_MANY_BYTES, HERALD_LOCKED_FILE, HERALD_CORRUPT_FILE.
 */
export async function printDocument(
  source: SourceFile,
  target: string,
  office: LibreOffice,
  sandbox: Sandbox,
): Promise<void> {
  const { path, format, trackedChanges = false } = source
  const kind = documentKinds[format]
  if (!kind) throw new Error(`no program prints ${format}`)
  const traits = kind.isZip ? await refuseBomb(path) : undefined
  const folder = `${path}.office-${process.pid}`
  await mkdir(folder)
  const convert = async (document: string, conversion: Conversion) => {
    const made = await runLibreOffice(office, document, folder, conversion, sandbox)
    if (made === undefined) throw unreadable(format)
    return made
  }
  try {
    let document = join(folder, fileNameOf(source.name, kind.extension))
    let { importFilter } = kind
    await kind.prepare(source, document)
    const isText = kind.module === 'writer'
    if (isText && (traits?.hasTrackedChanges ?? (await mayHoldTrackedChanges(path, format)))) {
      const set = join(folder, 'set', basename(document))
      await mkdir(dirname(set))
      if (!(await showTrackedChanges(document, format, trackedChanges, set))) {
        // OpenDocument, as LibreOffice writes it, has the setting.
        const odt = await convert(document, { importFilter, ...asOdt })
        await showTrackedChanges(odt, 'odt', trackedChanges, set)
        importFilter = asOdt.exportFilter
      }
      document = set
    }
    const calculates = traits?.asksForCalculation ?? false
    const asPdf = { importFilter, exportFilter: `${kind.module}_pdf_Export`, extension: 'pdf' }
    await rename(await convert(document, { ...asPdf, calculates }), target)
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

/**
 * Fields, headers and footers of documents print the file name, so the owner's is kept as far as
 * every file system allows.
 */
function fileNameOf(name = '', extension: string): string {
  const known = name
    .replace(/^.*[/\\]/s, '')
    .replace(/\.[^.]*$/, '')
    .replace(/[^\p{L}\p{N} ()+,._-]/gu, '_')
    .replace(/^[. ]+/, '')
  return `${[...known].slice(0, maxNameLength).join('') || 'document'}.${extension}`
}

const maxNameLength = 50
const asOdt = { exportFilter: 'writer8', extension: 'odt' }

function unreadable(format: string): HeraldError {
  return new HeraldError(
    'HERALD_CORRUPT_FILE',
    `This ${format} document cannot be opened: it is damaged, or locked with a password.`,
    { remedy: 'Check that it opens without a password; open it and save it again.' },
  )
}
