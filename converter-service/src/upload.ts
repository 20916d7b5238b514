import { createHash } from 'node:crypto'
import { open } from 'node:fs/promises'
import { HeraldError } from '@herald/proto/errors'
import { type Capabilities, listNames } from './capabilities.js'
import { formatNamed } from './formats.js'
import { describeFile } from './sniff/known-files.js'
import { type Sniffed, sniff, sniffBytes, undecodableText } from './sniff/sniff.js'
import { sniffContainer } from './sniff/sniff-container.js'
import { emptyFile, tooManyBytes } from './spec.js'

export interface Upload {
  readonly sizeBytes: number
  /** 64 lower-case hexadecimal digits. */
  readonly sha256: string
  /** Name of a readable format, detected from the bytes. */
  readonly format: string
}

interface UploadOptions {
  /** The file to write. */
  readonly path: string
  readonly fileName: string
  readonly maxBytes: number
  /** The size that the caller announced. */
  readonly declaredBytes: number | undefined
  readonly capabilities: Capabilities
  readonly onProgress: (receivedBytes: number) => void
}

/**
 * Writes the chunks to disk one after another, which slows the caller down to the disk's rate.
 * Refuses as early as possible: the first bytes show the format.
 */
export async function receiveUpload(
  chunks: AsyncIterable<Buffer>,
  { path, fileName, maxBytes, declaredBytes, capabilities, onProgress }: UploadOptions,
): Promise<Upload> {
  const hash = createHash('sha256')
  const file = await open(path, 'wx', 0o600)
  let sizeBytes = 0
  let format: string | undefined
  let head = Buffer.alloc(0)
  let isContainer = false
  try {
    for await (const chunk of chunks) {
      sizeBytes += chunk.length
      if (sizeBytes > maxBytes) throw tooManyBytes(declaredBytes, maxBytes)
      if (declaredBytes !== undefined && sizeBytes > declaredBytes) {
        throw damagedTransfer(declaredBytes, `at least ${sizeBytes.toLocaleString('en')}`)
      }
      const written = file.writev([chunk])
      hash.update(chunk)
      await written
      if (format === undefined) {
        head = Buffer.concat([head, chunk.subarray(0, sniffBytes - head.length)])
        if (head.length >= sniffBytes && !isContainer) {
          format = await readableFormat({ head, fileName, path, isComplete: false }, capabilities)
          if (format === undefined) isContainer = true
          // A hundred uploads would keep six megabytes.
          else head = Buffer.alloc(0)
        }
      }
      onProgress(sizeBytes)
    }
  } finally {
    await file.close()
  }
  if (sizeBytes === 0) throw emptyFile()
  if (declaredBytes !== undefined && sizeBytes < declaredBytes) {
    throw damagedTransfer(declaredBytes, `only ${sizeBytes.toLocaleString('en')}`)
  }
  format ??= await readableFormat({ head, fileName, path, isComplete: true }, capabilities)
  if (format === undefined) throw new Error('no format was detected in a complete file')
  return { sizeBytes, sha256: hash.digest('hex'), format }
}

/** The part of a file that has arrived. */
interface Arrived {
  /** Its first `sniffBytes` bytes. */
  readonly head: Buffer
  readonly fileName: string
  /** The file with all bytes so far. */
  readonly path: string
  readonly isComplete: boolean
}

/**
 * The name of the readable format it is of; undefined if the whole file is needed. Rejects
 * with HERALD_UNSUPPORTED_FILE, and with the errors of `sniffContainer`.
 */
export async function readableFormat(
  { head, fileName, path, isComplete }: Arrived,
  capabilities: Capabilities,
): Promise<string | undefined> {
  const first = await sniff(head, fileName)
  if (first.kind === 'container' && !isComplete) return undefined
  const sniffed = first.kind === 'container' ? await sniffContainer(path, first.container) : first
  const { readable } = capabilities
  if (sniffed.kind === 'format' && readable.some(({ name }) => name === sniffed.name)) {
    return sniffed.name
  }
  throw unreadable(sniffed, capabilities)
}

function unreadable(sniffed: Sniffed, { readable, engines }: Capabilities): HeraldError {
  const reads = `this server reads ${listNames(readable)}`
  const byContent = 'Formats are detected from content, not from the file name.'
  const saveAs = `Save or export it in one of these formats. ${byContent}`
  if (sniffed.kind === 'other' && sniffed.description === undecodableText) {
    return unsupported(`This is ${undecodableText}.`, 'Save it as UTF-8.')
  }
  if (sniffed.kind === 'other') {
    return unsupported(`This is ${sniffed.description}; ${reads}.`, saveAs)
  }
  if (sniffed.kind !== 'format') {
    return unsupported(`The format of this file is unknown; ${reads}.`, saveAs)
  }
  const { name, engine } = formatNamed(sniffed.name)
  const called = describeFile(name, `of type ${name}`)
  const reason = engines.find((report) => report.name === engine)?.unavailable
  return reason
    ? unsupported(
        `This is ${called}. ${reason}`,
        'Save or print it as a PDF and upload that, or install what is missing on the server.',
      )
    : unsupported(`This is ${called}; ${reads}.`, saveAs)
}

function unsupported(message: string, remedy: string): HeraldError {
  return new HeraldError('HERALD_UNSUPPORTED_FILE', message, { remedy })
}

function damagedTransfer(declaredBytes: number, arrived: string): HeraldError {
  return new HeraldError(
    'HERALD_DAMAGED_TRANSFER',
    `The upload was declared to have ${declaredBytes.toLocaleString('en')} bytes, but ${arrived} arrived.`,
    { remedy: 'Send it again; the file may have changed while it was being sent.' },
  )
}
