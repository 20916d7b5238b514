import { mkdir, writeFile } from 'node:fs/promises'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { gradient } from './pictures.js'
import { type RealConverter, startConverter } from './real-converter.js'
import { type Files, type Workshop, workshopWith } from './workshop.js'

let converter: RealConverter
beforeAll(async () => {
  converter = await startConverter({ HERALD_WORKERS: '2' })
})
afterAll(() => converter.close())

async function folderOf(shop: Workshop, name: string, files: number, bytes: Uint8Array) {
  await mkdir(shop.path(name))
  for (let at = 0; at < files; at++) await writeFile(shop.path(name, `${at}.png`), bytes)
}

const workshop = (files?: Files) => workshopWith(files, converter.address)

// Without blanks and double quotes: NODE_OPTIONS is split at them.
const tellPeak =
  "data:text/javascript,process.on('exit',()=>process.stderr.write('peak='+process.resourceUsage().maxRSS))"

test('many files take no more memory than few', async () => {
  const shop = await workshop()
  const peak = async (files: number) => {
    await folderOf(shop, `${files}`, files, gradient(64, 48))
    const { status, stderr } = await shop.start(
      ['convert', `${files}`, '-r', '--to', 'webp', '--out', `made-${files}`, '--json'],
      { NODE_OPTIONS: `--import=${tellPeak}` },
    ).finished
    expect(status).toBe(0)
    return Number(/peak=(\d+)$/.exec(stderr)?.[1]) / 1024
  }
  const few = await peak(30)
  const many = await peak(300)
  console.info(`herald convert: ${few.toFixed(0)} MiB for 30 files, ${many.toFixed(0)} MiB for 300`)
  expect(many - few).toBeLessThan(60)
}, 300_000)
