import { afterEach, describe, expect, test } from 'vitest'
import { Admission } from '#src/admission'
import { convert, refusal } from './convert.js'
import { type ConverterUnderTest, startConverter } from './converter-under-test.js'
import { startEndless } from './endless.js'
import { noise, twoHalves } from './pictures.js'

describe('admission', () => {
  const { signal } = new AbortController()
  const options = { maxConversions: 1, maxTransfers: 2, peerShare: 1 }

  test('a slow upload does not block conversions that can run', async () => {
    const admission = new Admission(options)
    admission.admit('slow')
    const quick = admission.admit('quick')
    expect(() => admission.admit('third')).toThrow('2 files are being uploaded or downloaded')
    await quick.startWork(signal)
    expect(() => admission.admit('third')).toThrow('1 conversions are running or waiting')
    quick.endWork()
    quick.release()
    quick.release()
    admission.admit('third')
    expect(admission.admitted).toBe(2)
  })

  test('a complete upload waits until another conversion ends', async () => {
    const admission = new Admission(options)
    const [first, second] = [admission.admit('a'), admission.admit('b')]
    await first.startWork(signal)
    let begun = false
    const waiting = second.startWork(signal).then(() => {
      begun = true
    })
    await Promise.resolve()
    expect(begun).toBe(false)
    first.release()
    await waiting
    expect(admission.admitted).toBe(1)
  })

  test('a waiting conversion is released when its caller cancels', async () => {
    const admission = new Admission(options)
    const [first, second] = [admission.admit('a'), admission.admit('b')]
    await first.startWork(signal)
    const gone = new AbortController()
    const waiting = second.startWork(gone.signal)
    gone.abort(new Error('gone'))
    await expect(waiting).rejects.toThrow('gone')
    second.release()
    first.release()
    await admission.close()
  })

  test('one address holds no more than its share', async () => {
    const admission = new Admission({ maxConversions: 4, maxTransfers: 4, peerShare: 0.5 })
    const slots = [admission.admit('greedy'), admission.admit('greedy')]
    expect(() => admission.admit('greedy')).toThrow('2 files are being uploaded or downloaded for')
    admission.admit('other').release()
    for (const slot of slots) await slot.startWork(signal)
    expect(() => admission.admit('greedy')).toThrow('2 conversions are running or waiting for')
    admission.admit('other')
  })
})

let converter: ConverterUnderTest
afterEach(() => converter?.close())

const small = await twoHalves().png().toBuffer()

test('small conversions are not starved by large ones, and large ones finish', async () => {
  converter = await startConverter({ children: 2, timeoutMs: 600_000, cpuMs: 600_000 })
  const big = await noise(400, 300).png({ compressionLevel: 1 }).toBuffer()
  const giant = { format: 'avif', effort: 6 }
  let giantsDone = 0
  const giants = Array.from({ length: 4 }, async () => {
    await convert(converter.client, big, [giant])
    giantsDone++
  })
  await expect
    .poll(() => converter.app.metrics.getSingleMetricAsString('herald_queue_length'))
    .toMatch(/ 2$/m)
  await Promise.all(Array.from({ length: 40 }, () => convert(converter.client, small, ['webp'])))
  expect(giantsDone).toBeLessThan(4)
  await Promise.all(giants)
}, 240_000)

test('a slow upload occupies no child process', async () => {
  converter = await startConverter({ children: 1 })
  const slow = converter.client.convert()
  slow.on('error', () => {})
  await new Promise<void>((resolve) => {
    slow.on('data', ({ admitted }) => admitted && resolve())
    slow.write({ spec: { fileName: 'x', renditions: [{ format: 'png' }] } })
  })
  slow.write({ chunk: small.subarray(0, 20) })
  expect((await convert(converter.client, small, ['webp'])).renditions).toHaveLength(1)
  slow.cancel()
})

test('a full server refuses without a retry time', async () => {
  converter = await startConverter({ children: 1, queue: 0, timeoutMs: 60_000 })
  const { call } = await startEndless(converter.client)
  const error = await refusal(converter.client, small, ['webp'])
  expect(error).toMatchObject({ code: 'HERALD_BUSY', retryAfterMs: undefined, parts: [] })
  call.cancel()
})
