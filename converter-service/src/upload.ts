import { createHash } from 'node:crypto'
import { open } from 'node:fs/promises'
import { HeraldError } from '@herald/proto/errors'
import { type Abilities, listNames } from './abilities.js'
import { sniff, sniffBytes } from './sniff.js'
import { emptyFile, tooManyBytes } from './spec.js'

export interface Upload {
  readonly sizeBytes: number
  /** 64 lower-case hexadecimal digits. */
  readonly sha256: string
  /** Name of a readable format, told from the bytes. */
  readonly format: string
}

export interface UploadOptions {
  /** Where the bytes go. */
  readonly path: string
  readonly maxBytes: number
  /** What the sender said it would be. */
  readonly announcedBytes: number | undefined
  readonly abilities: Abilities
  readonly onProgress: (receivedBytes: number) => void
}

/**
 * Writes the chunks to disk one after another, so that the sender is held back at the disk's
 * pace. Refuses as soon as something is wrong: what the file is shows in its first bytes.
 */
export async function receiveUpload(
  chunks: AsyncIterable<Buffer>,
  { path, maxBytes, announcedBytes, abilities, onProgress }: UploadOptions,
): Promise<Upload> {
  const hash = createHash('sha256')
  const file = await open(path, 'wx', 0o600)
  let sizeBytes = 0
  let format: string | undefined
  let head = Buffer.alloc(0)
  try {
    for await (const chunk of chunks) {
      sizeBytes += chunk.length
      if (sizeBytes > maxBytes) throw tooManyBytes(announcedBytes, maxBytes)
      if (announcedBytes !== undefined && sizeBytes > announcedBytes) {
        throw damagedTransfer(announcedBytes, 'more')
      }
      hash.update(chunk)
      await file.writev([chunk])
      if (format === undefined) {
        head = Buffer.concat([head, chunk.subarray(0, sniffBytes - head.length)])
        if (head.length >= sniffBytes) format = await readableFormat(head, abilities)
      }
      onProgress(sizeBytes)
    }
  } finally {
    await file.close()
  }
  if (sizeBytes === 0) throw emptyFile()
  if (announcedBytes !== undefined && sizeBytes < announcedBytes) {
    throw damagedTransfer(announcedBytes, `only ${sizeBytes.toLocaleString('en')}`)
  }
  format ??= await readableFormat(head, abilities)
  return { sizeBytes, sha256: hash.digest('hex'), format }
}

/** The name of the readable format these first bytes are of. Rejects with HERALD_UNSUPPORTED_FILE. */
export async function readableFormat(head: Buffer, { readable }: Abilities): Promise<string> {
  const sniffed = await sniff(head)
  if (sniffed.kind === 'format' && readable.some(({ name }) => name === sniffed.name)) {
    return sniffed.name
  }
  const reads = `this server reads ${listNames(readable)}`
  const said =
    sniffed.kind === 'unknown'
      ? `This is no kind of file known here; ${reads}.`
      : `This is ${sniffed.kind === 'other' ? sniffed.called : `a file in ${sniffed.name}`}; ${reads}.`
  throw new HeraldError('HERALD_UNSUPPORTED_FILE', said, {
    remedy: 'Save or export it in one of these formats. Its name does not count, its bytes do.',
  })
}

function damagedTransfer(announcedBytes: number, came: string): HeraldError {
  return new HeraldError(
    'HERALD_DAMAGED_TRANSFER',
    `The upload was to have ${announcedBytes.toLocaleString('en')} bytes, but ${came} came.`,
    { remedy: 'Send it again; the file may have changed while it was being sent.' },
  )
}
