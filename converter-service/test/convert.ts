import { createHash } from 'node:crypto'
import type { Metadata, ServiceError } from '@grpc/grpc-js'
import type {
  ConversionSpec,
  ConverterServiceClient,
  ReceivedConversionSummary,
  ReceivedConvertResponse,
  ReceivedProgress,
  ReceivedRenditionHeader,
  ReceivedRenditionSummary,
  RenditionSpec,
} from '@herald/proto/converter'
import { expect } from 'vitest'

export interface Rendition {
  readonly header: ReceivedRenditionHeader
  readonly bytes: Buffer
  readonly summary: ReceivedRenditionSummary
}

export interface Converted {
  /** By index. */
  readonly renditions: readonly Rendition[]
  readonly summary: ReceivedConversionSummary
  readonly progress: readonly ReceivedProgress[]
  readonly parts: readonly string[]
}

/** A refusal as it came over the wire. */
export interface Refusal {
  readonly status: number
  readonly code: string | undefined
  readonly message: string
  readonly remedy: string | undefined
  readonly retryAfterMs: number | undefined
  /** Messages that came before it. */
  readonly parts: readonly string[]
}

const chunkBytes = 256 * 1024

/** Converts `bytes`, checking order, sizes and hashes on the way. Rejects with a ServiceError. */
export async function convert(
  client: ConverterServiceClient,
  bytes: Buffer,
  renditions: readonly (RenditionSpec | string)[],
  spec: Partial<ConversionSpec> = {},
  parts: string[] = [],
): Promise<Converted> {
  const call = client.convert()
  const responses: ReceivedConvertResponse[] = []
  const progress: ReceivedProgress[] = []
  const made: Rendition[] = []
  let chunks: Buffer[] | undefined
  call.write({
    spec: {
      fileName: 'picture',
      renditions: renditions.map((entry) =>
        typeof entry === 'string' ? { format: entry } : entry,
      ),
      ...spec,
    },
  })
  for await (const response of call as AsyncIterable<ReceivedConvertResponse>) {
    parts.push(response.part ?? '')
    if (response.admitted) {
      for (let at = 0; at < bytes.length; at += chunkBytes) {
        call.write({ chunk: bytes.subarray(at, at + chunkBytes) })
      }
      call.end()
    } else if (response.progress) progress.push(response.progress)
    else if (response.chunk) {
      expect(chunks, 'a chunk comes after its header').toBeDefined()
      chunks?.push(response.chunk)
    } else {
      responses.push(response)
      if (response.header) {
        expect(chunks, 'one rendition at a time').toBeUndefined()
        chunks = []
      }
      if (response.rendition) {
        made.push(rendition(responses.at(-2)?.header, chunks, response.rendition))
        chunks = undefined
      }
    }
  }
  const { summary } = responses.at(-1) ?? {}
  if (!summary) throw new Error('the last message is not the summary')
  return {
    renditions: made.sort((a, b) => a.header.index - b.header.index),
    summary,
    progress,
    parts,
  }
}

/** Converts to one rendition; `whole` is the conversion's summary. */
export async function convertOne(
  client: ConverterServiceClient,
  bytes: Buffer,
  asked: RenditionSpec | string,
): Promise<Rendition & { readonly whole: ReceivedConversionSummary }> {
  const { renditions, summary } = await convert(client, bytes, [asked])
  const [first] = renditions
  if (!first) throw new Error('no rendition')
  return { ...first, whole: summary }
}

function rendition(
  header: ReceivedRenditionHeader | null | undefined,
  chunks: Buffer[] | undefined,
  summary: ReceivedRenditionSummary,
): Rendition {
  if (!header || !chunks) throw new Error('a rendition without a header')
  const bytes = Buffer.concat(chunks)
  expect(summary.index).toBe(header.index)
  expect(header.sizeBytes).toBe(bytes.length)
  expect(summary.sizeBytes).toBe(bytes.length)
  expect(summary.sha256).toBe(createHash('sha256').update(bytes).digest('hex'))
  return { header, bytes, summary }
}

/** The refusal of a conversion that must fail. */
export async function refusal(
  client: ConverterServiceClient,
  bytes: Buffer,
  renditions: readonly (RenditionSpec | string)[],
  spec: Partial<ConversionSpec> = {},
): Promise<Refusal> {
  const parts: string[] = []
  try {
    await convert(client, bytes, renditions, spec, parts)
  } catch (error) {
    return readRefusal(error as ServiceError, parts)
  }
  throw new Error('the conversion succeeded')
}

export function readRefusal(error: ServiceError, parts: readonly string[] = []): Refusal {
  if (!error.metadata) throw error
  const trailer = (name: string) => (error.metadata as Metadata).get(name)[0]?.toString()
  const remedy = trailer('herald-error-remedy')
  const retryAfter = trailer('retry-after-ms')
  return {
    status: error.code,
    code: trailer('herald-error-code'),
    message: error.details,
    remedy: remedy === undefined ? undefined : decodeURIComponent(remedy),
    retryAfterMs: retryAfter === undefined ? undefined : Number(retryAfter),
    parts,
  }
}
