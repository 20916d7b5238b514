import { createReadStream } from 'node:fs'
import { mkdtemp, open, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import type { Readable, Writable } from 'node:stream'
import { HeraldError } from '@herald/proto/errors'
import { humanBytes } from '@herald/runtime/terminal-text'
import { cannotWrite } from './errors.js'
import { type InputFile, inspectInput } from './input-file.js'

export type StandardInput = Readable & { readonly isTTY?: boolean }
export type StandardOutput = Writable & { readonly isTTY?: boolean }

export interface SpoolOptions {
  /** Where the file is kept during the run. Absolute. */
  readonly folder: string
  /** The file's name. */
  readonly name: string
  /** The largest file that the converter accepts. */
  readonly maxBytes: number
  readonly signal: AbortSignal
}

/**
 * Copies standard input to a file, because its size is needed and a second attempt reads it again.
 * Rejects with HERALD_TOO_MANY_BYTES, leaving the rest unread; with HERALD_EMPTY_FILE; with
 * HERALD_DISK_FULL.
 */
export async function spoolStandardInput(
  stdin: StandardInput,
  { folder, name, maxBytes, signal }: SpoolOptions,
): Promise<InputFile> {
  if (stdin.isTTY) {
    throw new HeraldError('HERALD_USAGE', 'Standard input is a terminal.', {
      remedy: 'Redirect a file to it: herald convert - --to webp < harbour.png > harbour.webp',
    })
  }
  const path = join(folder, 'standard-input')
  const file = await open(path, 'w', 0o600).catch((error: unknown) => {
    throw cannotWrite(folder, error)
  })
  const stop = () => stdin.destroy()
  signal.addEventListener('abort', stop)
  try {
    let sizeBytes = 0
    for await (const chunk of stdin as AsyncIterable<Buffer>) {
      sizeBytes += chunk.byteLength
      if (sizeBytes > maxBytes) throw tooMuch(maxBytes)
      await file.writeFile(chunk).catch((error: unknown) => {
        throw cannotWrite(folder, error)
      })
    }
  } catch (error) {
    if (signal.aborted) throw new HeraldError('HERALD_CANCELLED', 'The conversion was cancelled.')
    throw error
  } finally {
    signal.removeEventListener('abort', stop)
    await file.close()
  }
  return { ...(await inspectInput(path)), name: basename(name) || 'stdin' }
}

/** Writes the file to standard output. Rejects with HERALD_CANNOT_WRITE if that fails. */
export async function writeToStandardOutput(stdout: StandardOutput, path: string): Promise<void> {
  for await (const chunk of createReadStream(path, { highWaterMark: 256 * 1024 })) {
    await new Promise<void>((resolve, reject) => {
      stdout.write(chunk, (error) => {
        if (!error) return resolve()
        const remedy = 'Check the program that reads it, or save the result in a folder with --out.'
        const options = { remedy, cause: error }
        reject(new HeraldError('HERALD_CANNOT_WRITE', 'Cannot write to standard output.', options))
      })
    })
  }
}

function tooMuch(maxBytes: number): HeraldError {
  return new HeraldError(
    'HERALD_TOO_MANY_BYTES',
    `Standard input is larger than ${humanBytes(maxBytes)}, the limit of the converter.`,
    { remedy: 'Use a smaller file, or raise HERALD_MAX_BYTES on the server.' },
  )
}

/** A temporary folder of one run. */
export interface ScratchFolder {
  /** Its absolute path. The first call creates it; only its owner can read it. */
  path(): Promise<string>
  /** Removes it with its files. Idempotent; does not reject. */
  remove(): Promise<void>
}

export function scratchFolder(): ScratchFolder {
  let made: Promise<string> | undefined
  return {
    path() {
      made ??= mkdtemp(join(tmpdir(), 'herald-'))
      return made
    },
    async remove() {
      const path = await made?.catch(() => undefined)
      if (path !== undefined) await rm(path, { recursive: true, force: true }).catch(() => {})
    },
  }
}
