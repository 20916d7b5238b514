import type { ServiceError } from '@grpc/grpc-js'
import type {
  ConversionSpec,
  ReceivedEstimateManyResponse,
  ReceivedEstimateResponse,
  RenditionSpec,
} from '@herald/proto/converter'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { convert, convertOne, readRefusal } from './convert.js'
import { type ConverterUnderTest, startConverter } from './converter-under-test.js'
import { animation, noise, twoHalves } from './pictures.js'

let converter: ConverterUnderTest
beforeAll(async () => {
  converter = await startConverter({ maxBytes: 40 * 1024 ** 2, maxPixels: 20_000_000, maxPages: 5 })
})
afterAll(() => converter.close())

const small = await twoHalves().png().toBuffer()
const noisy = noise(2400, 1800).png({ compressionLevel: 1 }).toBuffer()

describe('an estimate', () => {
  test('has the renditions and their time, from the first bytes', async () => {
    const bytes = await noisy
    const { answer, sent } = await ask(bytes, [
      { format: 'webp', width: 1200 },
      { format: 'avif' },
      { format: 'png' },
    ])
    expect(answer).toMatchObject({ fits: true, errorCode: '' })
    expect(answer.input).toMatchObject({ format: 'png', width: 2400, height: 1800, pages: 1 })
    expect(answer.input?.sizeBytes).toBe(bytes.length)
    expect(answer.renditions).toMatchObject([
      { index: 0, width: 1200, height: 900, files: 1 },
      { index: 1, width: 2400, height: 1800, files: 1, effort: 2 },
      { index: 2, width: 2400, height: 1800, files: 1 },
    ])
    for (const { workMs } of answer.renditions) expect(workMs).toBeGreaterThan(10)
    expect(answer.workMs).toBeGreaterThan(100)
    expect(sent).toBeLessThan(bytes.length / 2)
  })

  test('has the reason if the server would refuse the file', async () => {
    const large = await twoHalves(5000, 4100).jpeg().toBuffer()
    expect((await ask(large, [{ format: 'webp' }])).answer).toMatchObject({
      fits: false,
      errorCode: 'HERALD_TOO_MANY_PIXELS',
      message: expect.stringContaining('20,000,000'),
      remedy: expect.any(String),
      input: { format: 'jpeg', width: 5000, height: 4100 },
    })
    const { answer } = await ask(small, [{ format: 'webp' }], { sizeBytes: 1024 ** 3 })
    expect(answer).toMatchObject({ fits: false, errorCode: 'HERALD_TOO_MANY_BYTES' })
  })

  test('counts the frames of an animation, or the files if each frame becomes one', async () => {
    const moving = await animation('gif', 3)
    const { answer } = await ask(moving, [{ format: 'webp' }, { format: 'png', everyPage: true }])
    expect(answer.renditions).toMatchObject([
      { pages: 3, files: 1 },
      { pages: 1, files: 3 },
    ])
    const tooMany = await ask(await animation('gif', 6), [{ format: 'webp' }])
    expect(tooMany.answer).toMatchObject({ fits: false, errorCode: 'HERALD_TOO_MANY_PAGES' })
  })

  test('occupies no conversion and leaves no files', async () => {
    await ask(small, [{ format: 'webp' }])
    await converter.spoolEmpties()
  })

  test('of an unreadable file or with a wrong option fails as the conversion would', async () => {
    const hello = Buffer.from([0, 1, 2, 3, 4, 5, 6, 7])
    await expect(ask(hello, [{ format: 'webp' }])).rejects.toMatchObject({
      code: 'HERALD_UNSUPPORTED_FILE',
    })
    await expect(ask(small, [{ format: 'wepb' }])).rejects.toMatchObject({
      code: 'HERALD_UNKNOWN_FORMAT',
    })
    await expect(ask(small.subarray(0, 20), [{ format: 'webp' }])).rejects.toMatchObject({
      code: 'HERALD_CORRUPT_FILE',
    })
  })
})

describe('an estimate that is too long for the budget', () => {
  const flat = twoHalves(800, 600)

  test('refuses nothing: a flat picture is made at the highest effort', async () => {
    // Flat, it takes a sixth of what such a picture takes as a rule.
    const strict = await startConverter({ cpuMs: 1_100 })
    try {
      const source = await flat.png().toBuffer()
      const { summary } = await convertOne(strict.client, source, { format: 'avif', effort: 9 })
      expect(summary.effort).toBe(9)
    } finally {
      await strict.close()
    }
  })

  test('lowers no effort', async () => {
    const hurried = await startConverter({ children: 1, timeoutMs: 100 })
    try {
      const { answer } = await askOn(hurried, await noisy, [{ format: 'avif' }])
      expect(answer).toMatchObject({ fits: true, renditions: [{ effort: 2 }] })
    } finally {
      await hurried.close()
    }
  })
})

test('the progress and the summary of a conversion give its estimate', async () => {
  const { summary, progress } = await convert(converter.client, await noisy, ['jpeg'])
  expect(summary.estimatedMs).toBeGreaterThan(5)
  expect(progress.some(({ estimatedMs }) => estimatedMs === summary.estimatedMs)).toBe(true)
})

describe('an estimate of many files in one call', () => {
  test('answers each file by its number, and drops the bytes it does not need', async () => {
    const answers = await askMany([
      { bytes: await noisy, format: 'webp' },
      { bytes: small, format: 'png' },
      { bytes: await animation('gif', 3), format: 'webp' },
    ])
    expect(answers).toMatchObject([
      { estimate: { fits: true, input: { width: 2400, height: 1800 } } },
      { estimate: { fits: true, input: { format: 'png' } } },
      { estimate: { fits: true, renditions: [{ pages: 3 }] } },
    ])
    await converter.spoolEmpties()
  })

  test('goes on after files that cannot be estimated, with the reason', async () => {
    const answers = await askMany([
      { bytes: Buffer.from([0, 1, 2, 3, 4, 5, 6, 7]), format: 'webp' },
      { bytes: small, format: 'wepb' },
      { bytes: small.subarray(0, 20), format: 'webp' },
      { bytes: Buffer.alloc(0), format: 'webp' },
      { bytes: await twoHalves(5000, 4100).jpeg().toBuffer(), format: 'webp' },
      { bytes: small, format: 'webp' },
    ])
    expect(answers).toMatchObject([
      { failure: { errorCode: 'HERALD_UNSUPPORTED_FILE' } },
      {
        failure: {
          errorCode: 'HERALD_UNKNOWN_FORMAT',
          message: expect.stringContaining('wepb'),
          remedy: expect.stringMatching(/./),
        },
      },
      { failure: { errorCode: 'HERALD_CORRUPT_FILE' } },
      { failure: { errorCode: 'HERALD_EMPTY_FILE' } },
      { estimate: { fits: false, errorCode: 'HERALD_TOO_MANY_PIXELS' } },
      { estimate: { fits: true } },
    ])
  })

  test('fails as a whole if it does not begin with a spec', async () => {
    const call = converter.client.estimateMany()
    call.write({ chunk: small })
    call.end()
    await expect(call.toArray()).rejects.toMatchObject({
      details: expect.stringContaining('ConversionSpec'),
    })
  })
})

/** Asks for all files in one call, sending each as a whole; the answers in the order of the files. */
async function askMany(
  files: readonly { readonly bytes: Buffer; readonly format: string }[],
): Promise<ReceivedEstimateManyResponse[]> {
  const call = converter.client.estimateMany()
  for (const { bytes, format } of files) {
    call.write({ spec: { fileName: 'x', renditions: [{ format }], sizeBytes: bytes.length } })
    for (let at = 0; at < bytes.length; at += 256 * 1024) {
      call.write({ chunk: bytes.subarray(at, at + 256 * 1024) })
    }
  }
  call.end()
  const answers: ReceivedEstimateManyResponse[] = await call.toArray()
  return answers.sort((a, b) => a.index - b.index)
}

const ask = (bytes: Buffer, renditions: RenditionSpec[], spec: Partial<ConversionSpec> = {}) =>
  askOn(converter, bytes, renditions, spec)

/** Asks, sending as long as the server takes; rejects with a Refusal. */
function askOn(
  { client }: ConverterUnderTest,
  bytes: Buffer,
  renditions: RenditionSpec[],
  spec: Partial<ConversionSpec> = {},
): Promise<{ answer: ReceivedEstimateResponse; sent: number }> {
  return new Promise((resolve, reject) => {
    let sent = 0
    let answered = false
    const call = client.estimate((error: ServiceError | null, answer) => {
      answered = true
      if (answer) resolve({ answer, sent })
      else reject(readRefusal(error as ServiceError))
    })
    const send = () => {
      while (!answered && sent < bytes.length) {
        const chunk = bytes.subarray(sent, sent + 64 * 1024)
        sent += chunk.length
        if (!call.write({ chunk })) return void call.once('drain', send)
      }
      call.end()
    }
    call.write({ spec: { fileName: 'x', renditions, sizeBytes: bytes.length, ...spec } })
    send()
  })
}
