import { mkdir, writeFile } from 'node:fs/promises'
import { v7 as uuidv7 } from 'uuid'
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest'
import { openConverter } from '../src/converter-client.js'
import { inspectInput } from '../src/input-file.js'
import { newTraceparent } from '../src/trace.js'
import { gradient } from './pictures.js'
import { type RealConverter, startConverter } from './real-converter.js'
import { openWorkshop, type Workshop } from './workshop.js'

let converter: RealConverter
beforeAll(async () => {
  converter = await startConverter({ HERALD_WORKERS: '2' })
})
afterAll(() => converter.close())

async function folderOf(shop: Workshop, name: string, files: number, bytes: Uint8Array) {
  await mkdir(shop.path(name))
  for (let at = 0; at < files; at++) await writeFile(shop.path(name, `${at}.png`), bytes)
}

async function workshop() {
  const shop = await openWorkshop(converter.address)
  onTestFinished(() => shop.close())
  return shop
}

// Without blanks and double quotes: NODE_OPTIONS is split at them.
const tellPeak =
  "data:text/javascript,process.on('exit',()=>process.stderr.write('peak='+process.resourceUsage().maxRSS))"

test('many files take no more memory than few', async () => {
  const shop = await workshop()
  const peak = async (files: number) => {
    await folderOf(shop, `${files}`, files, gradient(64, 48))
    const { status, stderr } = await shop.herald(
      ['convert', `${files}`, '-r', '--to', 'webp', '--out', `made-${files}`, '--json'],
      { NODE_OPTIONS: `--import=${tellPeak}` },
    )
    expect(status).toBe(0)
    return Number(/peak=(\d+)$/.exec(stderr)?.[1]) / 1024
  }
  const few = await peak(30)
  const many = await peak(300)
  console.info(`herald convert: ${few.toFixed(0)} MiB for 30 files, ${many.toFixed(0)} MiB for 300`)
  expect(many - few).toBeLessThan(60)
}, 300_000)

const files = 60

test('the files of a folder take as long as the converter needs for them', async () => {
  const shop = await workshop()
  await folderOf(shop, 'photos', files, gradient(1600, 1200))
  const atOnce = 3
  const bare = async () => {
    const client = openConverter(converter.address)
    const startedAt = performance.now()
    let next = 0
    const work = async () => {
      for (let at = next++; at < files; at = next++) {
        await client.convert(await inspectInput(shop.path('photos', `${at}.png`)), {
          conversionId: uuidv7(),
          traceparent: newTraceparent(),
          renditions: [{ format: 'webp' }],
          signal: AbortSignal.timeout(300_000),
          receive: async () => ({
            write: async () => {},
            complete: async () => {},
            discard: async () => {},
          }),
        })
      }
    }
    await Promise.all(Array.from({ length: atOnce }, work))
    client.close()
    return performance.now() - startedAt
  }
  const whole = async () => {
    const args = ['convert', 'photos', '-r', '--to', 'webp', '--out', 'made', '--force', '--json']
    const { status, milliseconds } = await shop.herald([...args, '--jobs', `${atOnce}`])
    expect(status).toBe(0)
    return milliseconds
  }
  // In turn, and the quickest of each: what else the machine does only adds.
  const times = { bare: [] as number[], whole: [] as number[] }
  for (let round = 0; round < 2; round++) {
    times.bare.push(await bare())
    times.whole.push(await whole())
  }
  const ratio = Math.min(...times.whole) / Math.min(...times.bare)
  console.info(
    `${files} files: herald convert takes ${ratio.toFixed(2)} × a bare loop over the service`,
  )
  // What is claimed is 1.1; what is held is that nothing makes the converter wait for the disk.
  expect(ratio).toBeLessThan(2)
}, 600_000)
