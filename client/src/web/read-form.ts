import type { IncomingMessage } from 'node:http'
import type { Readable } from 'node:stream'
import { Busboy, type BusboyInstance } from '@fastify/busboy'
import { HeraldError } from '@herald/proto/errors'

export interface FormPart {
  /** As the form's part names it. */
  readonly name: string
  readonly stream: Readable
}

export interface FormOptions {
  readonly maxFileBytes: number
  readonly maxFiles: number
  /** Handles a file as it arrives, with the fields before it. A rejection ends the form. */
  onFile(part: FormPart, fields: Readonly<Record<string, string>>): Promise<void>
}

const formLimits = {
  fields: 40,
  fieldSize: 8 * 1024,
  fieldNameSize: 100,
  headerPairs: 40,
  headerSize: 16 * 1024,
}

/**
 * Reads a form as it arrives, one chunk at a time. Resolves to the number of files when all of it is
 * read. Rejects with HERALD_BAD_OPTION if it is not a form or breaks a limit; with LateFieldError if a
 * field comes after the files, which did not have it; with HERALD_DAMAGED_TRANSFER if the caller is
 * gone.
 */
export function readForm(request: IncomingMessage, options: FormOptions): Promise<number> {
  return new Promise((resolve, reject) => {
    // It may have ended before it is read; its events do not come again.
    if (request.destroyed) throw gone()
    let busboy: BusboyInstance
    try {
      busboy = new Busboy({
        headers: request.headers as { 'content-type': string },
        // Keeps the name as sent; `fileNameOf` makes it safe.
        preservePath: true,
        limits: { ...formLimits, fileSize: options.maxFileBytes, files: options.maxFiles },
      })
    } catch (error) {
      reject(badForm('This is not a form with files.', error))
      return
    }
    const fields: Record<string, string> = Object.create(null)
    const taking: Promise<void>[] = []
    let lateField: string | undefined
    const streams = new Set<Readable>()

    const fail = (error: unknown) => {
      request.unpipe(busboy)
      // Closing a connection with unread bytes would reset it, and the answer with it.
      request.resume()
      for (const stream of streams) {
        stream.destroy(error instanceof Error ? error : new Error(String(error)))
      }
      reject(error)
    }
    busboy.on('field', (name, value, _nameCut, isCut) => {
      if (isCut) fail(badForm(`The field "${name.slice(0, 40)}" is too long.`))
      else {
        fields[name] = value
        if (taking.length > 0) lateField ??= name
      }
    })
    busboy.on('file', (_field, stream, name = '') => {
      lateField = undefined
      streams.add(stream)
      stream.once('close', () => streams.delete(stream))
      // A part that ends early is reported for the whole form.
      stream.on('error', () => {})
      stream.once('limit', () =>
        fail(
          new HeraldError('HERALD_TOO_MANY_BYTES', 'The file is too large for this service.', {
            remedy: 'Send a smaller one.',
          }),
        ),
      )
      const taken = options.onFile({ name, stream }, { ...fields })
      taken.catch(fail)
      taking.push(taken)
    })
    busboy.once('filesLimit', () =>
      fail(badForm(`A form may have at most ${options.maxFiles} files.`)),
    )
    busboy.once('fieldsLimit', () => fail(badForm('The form has too many fields.')))
    busboy.once('error', (error) => fail(badForm('The form is damaged.', error)))
    busboy.once('finish', () => {
      Promise.all(taking).then(() => {
        if (lateField === undefined) resolve(taking.length)
        else reject(new LateFieldError(lateField))
      }, reject)
    })
    request.once('aborted', () => fail(gone()))
    request.once('error', () => fail(gone()))
    request.pipe(busboy)
  })
}

/** The remedy if a field comes too late. */
export const fieldsFirst = 'Send the fields first, then the files.'

export class LateFieldError extends HeraldError {
  constructor(name: string) {
    const message = `The field "${name.slice(0, 40)}" comes after the file, which is read without it.`
    super('HERALD_BAD_OPTION', message, { remedy: fieldsFirst })
  }
}

const gone = () =>
  new HeraldError('HERALD_DAMAGED_TRANSFER', 'The upload ended early.', {
    remedy: 'Send the file again.',
  })

const badForm = (message: string, cause?: unknown) =>
  new HeraldError('HERALD_BAD_OPTION', message, {
    remedy: 'Reload the page and send it again.',
    ...(cause === undefined ? {} : { cause }),
  })
