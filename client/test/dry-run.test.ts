import { readdir, rm } from 'node:fs/promises'
import {
  Server,
  ServerCredentials,
  type ServerDuplexStream,
  status,
  type UntypedServiceImplementation,
} from '@grpc/grpc-js'
import {
  ConverterService,
  type EstimateManyResponse,
  type ReceivedEstimateManyRequest,
} from '@herald/proto/converter'
import { v7 as uuidv7 } from 'uuid'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { type EstimateResult, openConverter } from '../src/converter-client.js'
import { type InputFile, inspectInput } from '../src/input-file.js'
import { newTraceparent } from '../src/trace.js'
import { gradient } from './pictures.js'
import { type RealConverter, startConverter } from './real-converter.js'
import { type Files, workshopWith } from './workshop.js'

let converter: RealConverter
beforeAll(async () => {
  converter = await startConverter({ HERALD_MAX_PIXELS: '200000' })
})
afterAll(() => converter.close())

const workshop = (files: Files, address = converter.address) => workshopWith(files, address)

type Callback = (error: unknown, response?: unknown) => void
type EstimateManyCall = ServerDuplexStream<ReceivedEstimateManyRequest, EstimateManyResponse>

/** A converter of one format, with an `EstimateMany` of its own or, as older ones, without any. */
async function converterThat(estimateMany?: (call: EstimateManyCall) => void): Promise<string> {
  const server = new Server()
  const webp = { name: 'webp', extensions: ['webp'], readable: true, writable: true }
  const handlers = {
    ListFormats: (_call: unknown, callback: Callback) =>
      callback(null, { formats: [webp], limits: { workers: 2 } }),
    Estimate: (_call: unknown, callback: Callback) => callback({ code: status.UNIMPLEMENTED }),
    Convert: () => {},
    ...(estimateMany ? { EstimateMany: estimateMany } : {}),
  }
  server.addService(ConverterService.service, handlers as unknown as UntypedServiceImplementation)
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, bound) =>
      error ? reject(error) : resolve(bound),
    )
  })
  onTestFinished(() => server.forceShutdown())
  return `127.0.0.1:${port}`
}

describe('herald convert --dry-run', () => {
  test('prints what would be made and how long it takes, and writes nothing', async () => {
    const shop = await workshop({ 'a.png': gradient(400, 300), 'b.png': gradient(40, 30) })
    const args = ['convert', '.', '-r', '--to', 'webp,jpeg', '--width', '200', '-o', 'made']
    const { status: exit, stdout, stderr } = await shop.herald([...args, '--dry-run'])
    expect(exit).toBe(0)
    expect(stdout).toMatch(
      /^a\.png {2}png 400 × 300, [\d.]+ kB\n {2}→ made\/a\.webp {2}200 × 150 {2}about /,
    )
    expect(stderr).toMatch(/^2 files, about .*\. Nothing was written\.\n$/)
    expect((await readdir(shop.folder)).sort()).toEqual(['a.png', 'b.png'])
  })

  test('asks for all files in one call, and lists them in their order', async () => {
    let calls = 0
    const address = await converterThat((call) => {
      calls += 1
      let specs = 0
      call.on('data', ({ spec }: ReceivedEstimateManyRequest) => {
        if (spec) specs += 1
      })
      call.on('end', () => {
        // The last file is answered first.
        while (specs-- > 0) call.write({ index: specs, estimate: { fits: true } })
        call.end()
      })
    })
    const names = Array.from({ length: 30 }, (_, at) => `${at + 10}.png`)
    const shop = await workshop(Object.fromEntries(names.map((name) => [name, 'png'])), address)
    const { stdout } = await shop.herald(['convert', ...names, '-t', 'webp', '--dry-run'])
    expect(stdout.match(/^\d+\.png/gm)).toEqual(names)
    expect(calls).toBe(1)
  })

  test('asks again for the files that were not answered when the converter was lost', async () => {
    const asked: string[][] = []
    const address = await converterThat((call) => {
      const names: string[] = []
      asked.push(names)
      call.on('data', ({ spec }: ReceivedEstimateManyRequest) => {
        if (spec) names.push(spec.fileName)
      })
      call.on('end', () => {
        call.write({ index: 0, estimate: { fits: true } })
        if (asked.length > 1) call.end()
        else call.emit('error', { code: status.UNAVAILABLE, details: 'restarting' })
      })
    })
    const shop = await workshop({ 'a.png': 'png', 'b.png': 'png' }, address)
    const { stdout } = await shop.herald(['convert', 'a.png', 'b.png', '-t', 'webp', '--dry-run'])
    expect(stdout.match(/^\w\.png/gm)).toEqual(['a.png', 'b.png'])
    expect(asked).toEqual([['a.png', 'b.png'], ['b.png']])
  })

  test('a file that can no longer be read does not keep the others from their estimate', async () => {
    const shop = await workshop({ 'a.png': gradient(40, 30), 'b.png': gradient(40, 30) })
    const [a, b] = await Promise.all(
      ['a.png', 'b.png'].map((name) => inspectInput(shop.path(name))),
    )
    await rm(shop.path('a.png'))
    const client = openConverter(converter.address)
    onTestFinished(() => client.close())
    const results: EstimateResult[] = []
    const files = [a, b].map((upload) => ({
      upload: upload as InputFile,
      conversionId: uuidv7(),
      renditions: [{ format: 'webp' }],
    }))
    await client.estimate(files, {
      traceparent: newTraceparent(),
      signal: AbortSignal.timeout(60_000),
      onResult(index, result) {
        results[index] = result
      },
    })
    expect(results).toMatchObject([
      { error: { code: 'HERALD_UNREADABLE_FILE' } },
      { estimate: { fits: true } },
    ])
  })

  test('does not call the converter too old if there was no file to estimate', async () => {
    const shop = await workshop({})
    const { stderr } = await shop.herald(['convert', 'none.png', '-t', 'webp', '--dry-run'])
    expect(stderr).toMatch(/^0 files; 1 would be refused\. Nothing was written\.$/m)
  })

  test('prints the same as JSON', async () => {
    const shop = await workshop({ 'a.png': gradient(400, 300) })
    const args = ['convert', 'a.png', '--to', 'webp', '--dry-run', '--json']
    const { stdout } = await shop.herald(args)
    expect(JSON.parse(stdout)).toMatchObject({
      file: 'a.png',
      ok: true,
      dryRun: true,
      source: { format: 'png', width: 400, height: 300 },
      renditions: [{ format: 'webp', width: 400, height: 300, files: 1 }],
      error: null,
    })
    expect(JSON.parse(stdout).workMs).toBeGreaterThan(0)
  })

  test('has the exit status and the words of the run: a refusal, a name that is taken', async () => {
    const shop = await workshop({
      'vast.png': gradient(500, 500),
      'note.png': Buffer.alloc(100, 1),
      'a.png': gradient(8, 8),
      'a.webp': 'mine',
    })
    const dry = (file: string) => shop.herald(['convert', file, '--to', 'webp', '--dry-run'])
    expect(await dry('vast.png')).toMatchObject({ status: 3, stdout: '' })
    expect((await dry('vast.png')).stderr).toMatch(
      /^✗ vast\.png {2}.*pixel[\s\S]*1 would be refused/,
    )
    expect((await dry('note.png')).stderr).toMatch(/The format of this file is unknown/)
    expect(await dry('a.png')).toMatchObject({ status: 2 })
  })

  test('prints no estimate if the converter is too old', async () => {
    const older = await converterThat()
    const shop = await workshop({ 'a.png': gradient(8, 8) }, older)
    const {
      status: exit,
      stdout,
      stderr,
    } = await shop.herald([...['convert', 'a.png', '--to', 'webp', '--dry-run']])
    expect(exit).toBe(0)
    expect(stdout).toMatch(/^a\.png {2}\d+ B\n {2}→ a\.webp\n$/)
    expect(stderr).toBe(
      '1 file; this converter is too old to estimate the time. Nothing was written.\n',
    )
  })
})
