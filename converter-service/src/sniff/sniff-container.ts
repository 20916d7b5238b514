import { open } from 'node:fs/promises'
import { text } from 'node:stream/consumers'
import { HeraldError } from '@herald/proto/errors'
import { type Entry, openPromise, type ZipFile } from 'yauzl'
import { lockedDocument, maxParts } from '../engines/document/unpacking.js'
import { CompoundFile } from './compound-file.js'
import { describeFile } from './known-files.js'
import type { Container, Sniffed } from './sniff.js'

/**
 * Detects the format of a container by its directory, which is at the end of a ZIP and anywhere in
 * an old Office file. Rejects with HERALD_CORRUPT_FILE if there is none, and with
 * HERALD_LOCKED_FILE for an encrypted document.
 */
export async function sniffContainer(path: string, container: Container): Promise<Sniffed> {
  return container === 'zip' ? sniffZip(path) : sniffCompound(path)
}

const officeParts: readonly (readonly [string, string])[] = [
  ['word/', 'docx'],
  ['xl/', 'xlsx'],
  ['ppt/', 'pptx'],
]
const openDocuments: readonly (readonly [RegExp, string])[] = [
  [/\.opendocument\.text(-template)?$/, 'odt'],
  [/\.opendocument\.spreadsheet(-template)?$/, 'ods'],
  [/\.opendocument\.presentation(-template)?$/, 'odp'],
]

async function sniffZip(path: string): Promise<Sniffed> {
  const zip = await openPromise(path).catch((cause) => {
    throw new HeraldError(
      'HERALD_CORRUPT_FILE',
      'This file is cut off: its directory is missing.',
      {
        remedy: 'Save or download it again.',
        cause,
      },
    )
  })
  try {
    let isOffice = false
    let format: string | undefined
    let seen = 0
    for await (const entry of zip.eachEntry()) {
      if (entry.fileName === 'mimetype') return openDocument(await mediaType(zip, entry))
      if (entry.fileName === '[Content_Types].xml') isOffice = true
      format ??= officeParts.find(([folder]) => entry.fileName.startsWith(folder))?.[1]
      if (isOffice && format) return { kind: 'format', name: format }
      if (++seen > maxParts) break
    }
  } catch {
    // Invalid entries, such as paths that leave the archive: no office program writes these.
  } finally {
    zip.close()
  }
  return { kind: 'other', description: describeFile('zip', 'application/zip') }
}

async function mediaType(zip: ZipFile, entry: Entry): Promise<string> {
  if (entry.uncompressedSize > 200) return ''
  return text(await zip.openReadStreamPromise(entry))
}

function openDocument(mediaType: string): Sniffed {
  const name = openDocuments.find(([pattern]) => pattern.test(mediaType.trim()))?.[1]
  if (name) return { kind: 'format', name }
  const extension = mediaType.startsWith('application/epub') ? 'epub' : 'zip'
  return { kind: 'other', description: describeFile(extension, mediaType) }
}

async function sniffCompound(path: string): Promise<Sniffed> {
  const file = await open(path)
  let names: Set<string>
  try {
    names = await new CompoundFile(file).names()
  } catch (cause) {
    throw new HeraldError('HERALD_CORRUPT_FILE', 'This old Office file is damaged or cut off.', {
      remedy: 'Save or download it again.',
      cause,
    })
  } finally {
    await file.close()
  }
  // A modern document with a password is stored in a container of the old kind.
  if (names.has('EncryptedPackage')) throw lockedDocument()
  if (names.has('WordDocument')) return { kind: 'format', name: 'doc' }
  if (names.has('Workbook') || names.has('Book')) return { kind: 'format', name: 'xls' }
  if (names.has('PowerPoint Document')) return { kind: 'format', name: 'ppt' }
  return { kind: 'other', description: describeFile('cfb', 'application/x-cfb') }
}
