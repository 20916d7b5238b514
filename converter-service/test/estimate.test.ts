import { readdir } from 'node:fs/promises'
import type { ServiceError } from '@grpc/grpc-js'
import { estimate } from '@herald/converter-service/estimate'
import type {
  ConversionSpec,
  ReceivedEstimateResponse,
  RenditionSpec,
} from '@herald/proto/converter'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { convert, convertOne, readRefusal, refusal } from './convert.js'
import { type ConverterUnderTest, startConverter } from './converter-under-test.js'
import { measureAll, ways } from './measure-work.js'
import { animation, corpusFolder, corpusLeftOut, hasCorpus, noise, twoHalves } from './pictures.js'
import { median } from './yardstick.js'

let converter: ConverterUnderTest
beforeAll(async () => {
  converter = await startConverter({ maxBytes: 40 * 1024 ** 2, maxPixels: 20_000_000, maxPages: 5 })
})
afterAll(() => converter.close())

const small = await twoHalves().png().toBuffer()
const noisy = noise(2400, 1800).png({ compressionLevel: 1 }).toBuffer()

describe('an estimate', () => {
  test('tells what would be made and what it would take, from the first bytes', async () => {
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
    expect(answer.memoryBytes).toBeGreaterThan(50 * 1024 ** 2)
    expect(sent).toBeLessThan(bytes.length / 2)
  })

  test('says what the server would refuse, and why', async () => {
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

  test('counts the frames of an animation, and the files where each is one', async () => {
    const moving = await animation('gif', 3)
    const { answer } = await ask(moving, [{ format: 'webp' }, { format: 'png', everyPage: true }])
    expect(answer.renditions).toMatchObject([
      { pages: 3, files: 1 },
      { pages: 1, files: 3 },
    ])
    const tooMany = await ask(await animation('gif', 6), [{ format: 'webp' }])
    expect(tooMany.answer).toMatchObject({ fits: false, errorCode: 'HERALD_TOO_MANY_PAGES' })
  })

  test('takes no place and leaves nothing behind', async () => {
    await ask(small, [{ format: 'webp' }])
    await converter.spoolEmpties()
  })

  test('of a file that is none, or a wrong wish, fails as the conversion would', async () => {
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

describe('what cannot fit', () => {
  test('is refused at once, with the figures and a remedy', async () => {
    const refused = await refusal(converter.client, await noisy, [{ format: 'avif', effort: 9 }])
    expect(refused).toMatchObject({
      code: 'HERALD_TIMEOUT',
      message: expect.stringMatching(/would take about [\d,]+ s.*gives a conversion 30 s/),
      remedy: 'Ask for less effort.',
    })
    const { answer } = await ask(await noisy, [{ format: 'avif', effort: 9 }])
    expect(answer).toMatchObject({ fits: false, errorCode: 'HERALD_TIMEOUT' })
  })

  test('is made with less effort where only that fits, and the summary says so', async () => {
    const source = await noise(1400, 1000).png({ compressionLevel: 1 }).toBuffer()
    const avif = { format: 'avif' }
    const { answer } = await ask(source, [avif])
    expect(answer.renditions[0]?.effort).toBe(2)
    // As much time as effort 2 would need to the last moment.
    const hurried = await startConverter({ workers: 1, timeoutMs: Math.round(answer.workMs) })
    try {
      const eased = (await askOn(hurried, source, [avif])).answer.renditions[0]
      expect(eased?.effort).toBeLessThan(2)
      const asked = await askOn(hurried, source, [{ ...avif, effort: 2 }])
      expect(asked.answer.renditions[0]?.effort).toBe(2)
      // A machine that does much else may not make it; then it is ended, as it should be.
      const made = await convertOne(hurried.client, source, avif).catch(readRefusal)
      if ('code' in made) expect(made.code).toBe('HERALD_TIMEOUT')
      else expect(made.summary.effort).toBe(eased?.effort)
      console.log(
        `AVIF in ${answer.workMs.toFixed(0)} ms: effort ${eased?.effort}, ${'code' in made ? made.message : `took ${made.whole.conversionMs.toFixed(0)} ms`}`,
      )
    } finally {
      await hurried.close()
    }
  })
})

test(`an estimate is near what it takes${corpusLeftOut}`, {
  timeout: 600_000,
  skip: !hasCorpus,
}, async () => {
  expect((await readdir(corpusFolder)).length).toBeGreaterThan(50)
  const samples = await measureAll(corpusFolder, { onlyFolder: true })
  const ratios = samples
    .filter(({ source }) => source.format !== 'svg')
    .map(({ source, target, made, cpuMs }) => {
      const plan = { ...(ways[target] as (typeof ways)[string]), width: made.width }
      return { ratio: estimate(source, plan).ms / cpuMs, cpuMs, target }
    })
  const off = (all: typeof ratios) =>
    all.map(({ ratio }) => Math.max(ratio, 1 / ratio)).toSorted((a, b) => a - b)
  const p90 = (values: readonly number[]) => values[Math.floor(values.length * 0.9)] ?? Number.NaN
  for (const target of Object.keys(ways)) {
    const some = ratios.filter((each) => each.target === target)
    console.log(
      `${target}: predicted/taken median ${median(some.map(({ ratio }) => ratio)).toFixed(2)}; off by a factor of ${median(off(some)).toFixed(2)} (median), ${p90(off(some)).toFixed(2)} (p90), ${some.length} conversions`,
    )
  }
  const all = off(ratios)
  console.log(
    `all: off by a factor of ${median(all).toFixed(2)} (median), ${p90(all).toFixed(2)} (p90), ${all.length} conversions`,
  )
  expect(median(all)).toBeLessThan(2)
  expect(p90(all)).toBeLessThan(4)
})

test('a conversion is told what it was expected to take', async () => {
  const { summary, progress } = await convert(converter.client, await noisy, ['jpeg'])
  expect(summary.estimatedMs).toBeGreaterThan(50)
  expect(progress.some(({ estimatedMs }) => estimatedMs === summary.estimatedMs)).toBe(true)
})

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
