import type { ClientDuplexStream, ServiceError } from '@grpc/grpc-js'
import type {
  ConverterServiceClient,
  ConvertRequest,
  ReceivedConvertResponse,
} from '@herald/proto/converter'
import { type Refusal, readRefusal } from './convert.js'
import { svgBomb } from './pictures.js'

export interface Hopeless {
  readonly call: ClientDuplexStream<ConvertRequest, ReceivedConvertResponse>
  /** What ended it. */
  readonly failed: Promise<Refusal>
}

/** Starts a conversion that does not end by itself; resolves when a worker is at it. */
export async function startHopeless(client: ConverterServiceClient): Promise<Hopeless> {
  const call = client.convert()
  const failed = new Promise<ServiceError>((resolve) => call.on('error', resolve))
  const converting = new Promise<void>((resolve) => {
    call.on('data', ({ admitted, progress }: ReceivedConvertResponse) => {
      if (admitted) {
        call.write({ chunk: svgBomb() })
        call.end()
      }
      // Before that it is only being looked at.
      if (progress?.renditionsTotal) resolve()
    })
  })
  call.write({ spec: { fileName: 'bomb.svg', renditions: [{ format: 'png' }] } })
  await converting
  return { call, failed: failed.then((error) => readRefusal(error)) }
}
