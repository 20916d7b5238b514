import { randomBytes } from 'node:crypto'
import { setMaxListeners } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import type { Upload } from '@herald/client/convert-call'
import { type ConverterClient, openConverter } from '@herald/client/converter-client'
import { v7 as uuidv7 } from 'uuid'
import { startFuzzService } from './fuzz-service.js'
import { createChecks, type Result } from './result.js'

export interface RudeCallersOptions {
  /** Of all kinds together, each with its own connection. */
  readonly callers: number
  /** Conversions of the normal caller, without and with the rude ones. */
  readonly conversions: number
  /** How much the 99th percentile of the normal caller may grow. */
  readonly maxRatio: number
  readonly print: (line: string) => void
}

const idleMs = 3000

/** How rude callers send a file. Each continues until its call is ended, then calls again. */
const uploads: Readonly<Record<string, (bytes: Buffer) => AsyncIterable<Uint8Array>>> = {
  'an empty chunk a second': async function* () {
    for (;;) {
      yield Buffer.alloc(0)
      await delay(1000)
    }
  },
  'a byte a second': async function* (bytes) {
    for (const byte of bytes) {
      yield Buffer.of(byte)
      await delay(1000)
    }
  },
  'never half-closes': async function* (bytes) {
    yield bytes
    await delay(10 * idleMs)
  },
  'never reads': async function* (bytes) {
    yield bytes
  },
}

/** Callers that send or read almost nothing must not slow down one that behaves. */
export async function runRudeCallers(options: RudeCallersOptions): Promise<Result> {
  const { callers, conversions, maxRatio, print } = options
  const { failures, check } = createChecks()
  const folder = await mkdtemp(join(tmpdir(), 'herald-rude-'))
  const service = await startFuzzService(folder, { HERALD_IDLE: `${idleMs}ms` })
  const over = new AbortController()
  setMaxListeners(0, over.signal)
  const clients: ConverterClient[] = []
  try {
    const bytes = noiseBmp(500, 400)
    // Its TIFF is slightly larger than the HTTP/2 window, which a caller that does not read fills.
    const rudeBytes = noiseBmp(200, 150)
    const measure = async () => {
      const times: number[] = []
      for (let count = 0; count < conversions; count++) {
        const from = performance.now()
        await convertOnce(service.client, bytes)
        times.push(performance.now() - from)
      }
      return times.toSorted((one, other) => one - other)
    }
    await measure()
    const alone = await measure()
    const calls = Array.from({ length: callers }, (_, index) => {
      const client = openConverter(service.address)
      clients.push(client)
      const kinds = Object.values(uploads)
      return callRudely(
        client,
        kinds[index % kinds.length] as (typeof kinds)[number],
        rudeBytes,
        over,
      )
    })
    // Until the first rude calls are converted and all buffers are full.
    await delay(2 * idleMs)
    const withRude = await measure()
    over.abort()
    const ended = (await Promise.all(calls)).reduce((sum, each) => sum + each, 0)
    const p99 = (times: readonly number[]) =>
      times[Math.ceil(times.length * 0.99) - 1] ?? Number.NaN
    const median = (times: readonly number[]) => times[times.length >> 1] ?? Number.NaN
    const line = (times: readonly number[]) =>
      `median ${median(times).toFixed(1)} ms, p99 ${p99(times).toFixed(1)} ms`
    print(`alone: ${line(alone)}; with ${callers} rude callers: ${line(withRude)}`)
    const ratio = p99(withRude) / p99(alone)
    check(ratio <= maxRatio, `p99 grew ${ratio.toFixed(1)} times`)
    check(ended > 0, 'no rude call was ended')
    check(service.ended() === undefined, 'the converter ended')
    const figures = {
      ...{ callers, ended, 'alone p99 ms': p99(alone).toFixed(1) },
      ...{ 'with rude p99 ms': p99(withRude).toFixed(1), ratio: ratio.toFixed(2) },
    }
    return { scenario: 'rude callers', figures, failures }
  } finally {
    over.abort()
    for (const client of clients) client.close()
    await service.stop()
    await rm(folder, { recursive: true, force: true })
  }
}

/** Calls again and again until `over`; resolves to the number of calls that the converter ended. */
async function callRudely(
  client: ConverterClient,
  open: (bytes: Buffer) => AsyncIterable<Uint8Array>,
  bytes: Buffer,
  over: AbortController,
): Promise<number> {
  let ended = 0
  while (!over.signal.aborted) {
    // Not all at once: that would measure a burst of normal work.
    await delay(Math.random() * idleMs, undefined, { signal: over.signal }).catch(() => {})
    const upload: Upload = { name: 'rude.bmp', sizeBytes: undefined, open: () => open(bytes) }
    await convertOnce(client, bytes, { upload, signal: over.signal }).then(
      () => {},
      () => {
        if (!over.signal.aborted) ended++
      },
    )
  }
  return ended
}

/** Converts one file; a rude caller does not read the renditions. */
async function convertOnce(
  client: ConverterClient,
  bytes: Buffer,
  rude?: { readonly upload: Upload; readonly signal: AbortSignal },
): Promise<void> {
  const upload: Upload = {
    name: 'normal.bmp',
    sizeBytes: bytes.length,
    async *open() {
      yield bytes
    },
  }
  const { signal } = rude ?? new AbortController()
  await client.convert(rude?.upload ?? upload, {
    conversionId: uuidv7(),
    traceparent: `00-${uuidv7().replaceAll('-', '')}-00f067aa0ba902b7-01`,
    renditions: [{ format: rude ? 'tiff' : 'webp' }],
    signal,
    async receive() {
      return {
        async write() {
          if (rude) await delay(10 * idleMs, undefined, { signal }).catch(() => {})
        },
        complete: async () => {},
        discard: async () => {},
      }
    },
  })
}

/** A BMP of 24 bits per pixel. */
function noiseBmp(width: number, height: number): Buffer {
  const header = Buffer.alloc(54)
  header.write('BM')
  header.writeUInt32LE(54, 10)
  header.writeUInt32LE(40, 14)
  header.writeInt32LE(width, 18)
  header.writeInt32LE(height, 22)
  header.writeUInt16LE(1, 26)
  header.writeUInt16LE(24, 28)
  return Buffer.concat([header, randomBytes(width * height * 3)])
}
