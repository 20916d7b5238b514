import { execFile } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { onTestFinished } from 'vitest'
import { printDocument } from '#src/engines/document'
import { findLibreOffice } from '#src/engines/document/libreoffice'
import { findSandbox, noSandbox } from '#src/engines/document/sandbox'
import type { SourceFile } from '#src/engines/engine'

const run = promisify(execFile)
const office = findLibreOffice(process.env)
const found = office ? await findSandbox() : undefined
const hasPoppler = await run('pdftotext', ['-v']).then(
  () => true,
  () => false,
)

/** Why documents cannot be printed and read here, for a test's name; empty if they can. */
export const leftOut = !office
  ? ' (left out: LibreOffice is not installed)'
  : hasPoppler
    ? ''
    : ' (left out: poppler-utils is not installed)'

export const sandboxed = found !== undefined

/** Prints a document in this process; resolves to the path of the PDF, which goes with the test. */
export async function print(bytes: Buffer, source: Omit<SourceFile, 'path'>): Promise<string> {
  if (!office) throw new Error('LibreOffice is not installed')
  const folder = await mkdtemp(join(tmpdir(), 'herald-printed-'))
  onTestFinished(() => rm(folder, { recursive: true }))
  const path = join(folder, 'source')
  await writeFile(path, bytes)
  await printDocument({ path, ...source }, `${path}.pdf`, office, found?.sandbox ?? noSandbox)
  return `${path}.pdf`
}

/** What a PDF says, laid out as on the page, as poppler reads it. */
export async function wordsOf(pdf: string): Promise<string> {
  return (await run('pdftotext', ['-layout', pdf, '-'])).stdout
}
