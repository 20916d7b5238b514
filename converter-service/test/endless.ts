import type { ClientDuplexStream, ServiceError } from '@grpc/grpc-js'
import type {
  ConverterServiceClient,
  ConvertRequest,
  ReceivedConvertResponse,
  RenditionSpec,
} from '@herald/proto/converter'
import { type Refusal, readRefusal } from './convert.js'
import { svgBomb } from './pictures.js'

const chunkBytes = 256 * 1024

export interface Endless {
  readonly call: ClientDuplexStream<ConvertRequest, ReceivedConvertResponse>
  /** What ended it. */
  readonly failed: Promise<Refusal>
}

/** Starts a conversion that does not end by itself in good time; resolves when a child runs it. */
export async function startEndless(
  client: ConverterServiceClient,
  bytes = svgBomb(),
  rendition: RenditionSpec = { format: 'png' },
): Promise<Endless> {
  const call = client.convert()
  const failed = new Promise<ServiceError>((resolve) => call.on('error', resolve))
  const converting = new Promise<void>((resolve) => {
    call.on('data', ({ admitted, progress }: ReceivedConvertResponse) => {
      if (admitted) {
        for (let at = 0; at < bytes.length; at += chunkBytes) {
          call.write({ chunk: bytes.subarray(at, at + chunkBytes) })
        }
        call.end()
      }
      // Before that it is only being looked at.
      if (progress?.renditionsTotal) resolve()
    })
  })
  call.write({ spec: { fileName: 'bomb', renditions: [rendition] } })
  await converting
  return { call, failed: failed.then((error) => readRefusal(error)) }
}
