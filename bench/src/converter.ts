import { fileURLToPath } from 'node:url'
import type { ConvertOptions } from '@herald/client/convert-call'
import { type ConverterClient, openConverter } from '@herald/client/converter-client'
import { inspectInput } from '@herald/client/input-file'
import type { ReceivedConversionSummary, RenditionSpec } from '@herald/proto/converter'
import { startProgram } from '@herald/stack/program'
import { converterFlags } from '@herald/stack/programs'
import { v7 as uuidv7 } from 'uuid'
import type { BenchContext } from './bench.js'

const main = fileURLToPath(new URL('../../../converter-service/dist/src/main.js', import.meta.url))

/** The converter service in its own process, and Herald's client of it. */
export interface RunningConverter {
  readonly pid: number
  /** `host:port`. */
  readonly address: string
  convert(
    path: string,
    renditions: readonly RenditionSpec[],
    options?: CallOptions,
  ): Promise<Received>
}

type CallOptions = Partial<Pick<ConvertOptions, 'signal' | 'onProgress'>>

export interface Received {
  readonly bytes: number
  readonly summary: ReceivedConversionSummary
}

/** Starts the service with its defaults and `env`. It is stopped after the bench. */
export async function startConverter(
  context: BenchContext,
  env: Readonly<Record<string, string>> = {},
): Promise<RunningConverter> {
  const program = startProgram(
    {
      name: 'converter',
      main,
      nodeFlags: converterFlags,
      env: {
        PATH: '/usr/local/bin:/usr/bin:/bin',
        HERALD_CONVERTER_LISTEN: '127.0.0.1:0',
        HERALD_CONVERTER_PROBES: '127.0.0.1:0',
        HERALD_SPOOL: `${context.folder}/spool`,
        ...env,
      },
    },
    () => {},
  )
  context.defer(() => program.stop(10_000))
  const { port } = await Promise.race([
    program.ready,
    program.ended.then(({ how, lastLines }): never => {
      throw new Error(`the converter did not start: ${how} ${lastLines.join('\n')}`)
    }),
  ])
  const address = `127.0.0.1:${port}`
  const client = openConverter(address)
  context.defer(() => client.close())
  return {
    pid: program.pid as number,
    address,
    convert: (path, renditions, options) => convertFile(client, path, renditions, options),
  }
}

/** A client that uses them in turn. It is closed after the bench. */
export function openClient(
  context: BenchContext,
  converters: readonly RunningConverter[],
): Pick<RunningConverter, 'convert'> {
  const client = openConverter(converters.map(({ address }) => address).join(','))
  context.defer(() => client.close())
  return {
    convert: (path, renditions, options) => convertFile(client, path, renditions, options),
  }
}

/** Call it before measuring: a process that has just started still compiles its code. */
export async function warmUp({ convert }: RunningConverter, path: string, times: number) {
  for (let time = 0; time < times; time++) {
    for (const format of ['webp', 'jpeg'] as const) await convert(path, [{ format, width: 720 }])
  }
}

async function convertFile(
  client: ConverterClient,
  path: string,
  renditions: readonly RenditionSpec[],
  options: CallOptions = {},
): Promise<Received> {
  let bytes = 0
  const summary = await client.convert(await inspectInput(path), {
    conversionId: uuidv7(),
    renditions,
    traceparent: '00-00000000000000000000000000000001-0000000000000001-01',
    signal: new AbortController().signal,
    ...options,
    async receive() {
      return {
        async write(chunk) {
          bytes += chunk.length
        },
        async complete() {},
        async discard() {},
      }
    },
  })
  if (bytes === 0) throw new Error('the converter sent nothing')
  return { bytes, summary }
}
