import { mkdir, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { HeraldError } from '@herald/proto/errors'
import { documentKinds } from './document-kinds.js'
import type { SourceFile } from './engine.js'
import { type LibreOffice, printToPdf } from './libreoffice.js'
import type { Sandbox } from './sandbox.js'
import { refuseBomb } from './unpacking.js'

/**
 * Leaves a document as a PDF at `target`; what lies beside the source on the way is removed.
 * Rejects with HERALD_TOO_MANY_BYTES, HERALD_LOCKED_FILE, HERALD_CORRUPT_FILE.
 */
export async function printDocument(
  source: SourceFile,
  target: string,
  office: LibreOffice,
  sandbox: Sandbox,
): Promise<void> {
  const kind = documentKinds[source.format]
  if (!kind) throw new Error(`no program prints ${source.format}`)
  if (kind.isZip) await refuseBomb(source.path)
  const folder = `${source.path}.office-${process.pid}`
  await mkdir(folder)
  try {
    const document = join(folder, `document.${kind.extension}`)
    await kind.prepare(source, document)
    const filters = { importFilter: kind.importFilter, exportFilter: `${kind.module}_pdf_Export` }
    await printToPdf(office, document, folder, filters, sandbox)
    await rename(join(folder, 'document.pdf'), target).catch((cause) => {
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
