import { basename, dirname, join } from 'node:path'
import type {
  ReceivedConversionSummary,
  ReceivedRenditionHeader,
  ReceivedRenditionSummary,
} from '@herald/proto/converter'
import { HeraldError } from '@herald/proto/errors'
import { pageName } from '@herald/runtime/output-name'
import type { RenditionSink } from './convert-call.js'
import type { PlannedRendition } from './plan-conversions.js'
import { type RenditionFile, saveRendition } from './rendition-file.js'

/** A complete rendition under its temporary name. */
export interface CompleteFile {
  readonly temporaryPath: string
  /** Absolute. */
  readonly finalPath: string
  readonly header: ReceivedRenditionHeader
  readonly summary: ReceivedRenditionSummary
}

/** A rendition under its final name. */
export interface SavedRendition {
  /** Absolute; empty if it was delivered instead of saved. */
  readonly path: string
  readonly name: string
  readonly format: string
  readonly mediaType: string
  readonly sizeBytes: number
  readonly sha256: string
  readonly width: number
  readonly height: number
  readonly pages: number
  /** The page of the source it shows, from 0; absent if it is not one page of several. */
  readonly page: number | undefined
  /** Absent if the format has none. */
  readonly quality: number | undefined
  /** Absent if the format has none. */
  readonly effort: number | undefined
  readonly encoder: string
  readonly conversionMs: number
}

/** The files of one conversion while they are received. */
export interface ReceivedFiles {
  /** After a failed attempt, the new file replaces the earlier one. */
  receive(header: ReceivedRenditionHeader): Promise<RenditionSink>
  /**
   * All files with their final names, in the requested order, pages in order. Throws
   * HERALD_INTERNAL if one is missing.
   */
  complete(summary: ReceivedConversionSummary): CompleteFile[]
  /** Removes the temporary files that are left. Does not reject. */
  discard(): Promise<void>
}

interface Begun {
  readonly file: RenditionFile
  readonly header: ReceivedRenditionHeader
  summary: ReceivedRenditionSummary | undefined
}

/** `onBytes` is called for each chunk received. */
export function receiveFiles(
  planned: readonly PlannedRendition[],
  onBytes: (count: number, header: ReceivedRenditionHeader) => void = () => {},
): ReceivedFiles {
  const begun = planned.map(() => new Map<number, Begun>())

  return {
    async receive(header) {
      const plan = planned[header.index]
      const files = begun[header.index]
      if (!plan || !files) {
        throw new HeraldError(
          'HERALD_INTERNAL',
          'The converter sent a rendition that was not requested.',
        )
      }
      const file = await saveRendition(dirname(plan.finalPath))
      const entry: Begun = { file, header, summary: undefined }
      files.set(plan.spec.everyPage ? (header.page ?? 0) : 0, entry)
      return {
        async write(chunk) {
          await file.write(chunk)
          onBytes(chunk.byteLength, header)
        },
        async complete(summary) {
          await file.complete(summary)
          entry.summary = summary
        },
        discard: () => file.discard(),
      }
    },

    complete({ input }) {
      return planned.flatMap(({ spec, finalPath }, index) => {
        const pages = spec.everyPage ? (input?.pages ?? 1) : 1
        return Array.from({ length: pages }, (_, page) => {
          const { file, header, summary } = begun[index]?.get(page) ?? {}
          if (!file || !header || !summary) {
            throw new HeraldError('HERALD_INTERNAL', 'The converter did not send all renditions.')
          }
          const { temporaryPath } = file
          const name = basename(finalPath)
          const path = spec.everyPage
            ? join(dirname(finalPath), pageName(name, page + 1, pages))
            : finalPath
          return { temporaryPath, finalPath: path, header, summary }
        })
      })
    },

    async discard() {
      const files = begun.flatMap((each) => [...each.values()])
      await Promise.all(files.map(({ file }) => file.discard()))
    },
  }
}

export function savedRendition(
  { header, summary, finalPath }: CompleteFile,
  delivered: boolean,
): SavedRendition {
  return {
    path: delivered ? '' : finalPath,
    name: basename(finalPath),
    format: header.format,
    mediaType: header.mediaType,
    sizeBytes: summary.sizeBytes,
    sha256: summary.sha256,
    width: header.width,
    height: header.height,
    pages: header.pages,
    page: header.page,
    quality: summary.quality,
    effort: summary.effort,
    encoder: summary.encoder,
    conversionMs: summary.conversionMs,
  }
}
