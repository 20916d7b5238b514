import { writeFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { expect, onTestFinished, test } from 'vitest'
import { noise } from './pictures.js'
import { startConverter } from './real-converter.js'
import { slowLine } from './slow-line.js'
import { openWorkshop } from './workshop.js'

const preload = fileURLToPath(
  new URL('../../tests/cases/grpc-goaway-while-converting/goaway.mjs', import.meta.url),
)

// grpc-js ends running calls by the ping that follows, after 20 s at the earliest. Hence a download
// of about 30 s.
test('a conversion continues after a graceful GOAWAY', { timeout: 180_000 }, async () => {
  const converter = await startConverter({ NODE_OPTIONS: `--import=${preload}` })
  onTestFinished(() => converter.close())
  const { address } = await slowLine(converter.address, 9_000)
  const shop = await openWorkshop(address)
  onTestFinished(() => shop.close())
  await writeFile(shop.path('noise.png'), noise(300, 300))
  const { finished } = shop.start(['convert', 'noise.png', '--to', 'tiff'])
  await expect.poll(() => shop.names()).toHaveLength(2)
  converter.signal('SIGUSR2')
  await expect.poll(() => converter.log).toContain('GOAWAY sent')
  expect(await finished).toMatchObject({ status: 0 })
  // Once: none was given up and begun again.
  expect((await converter.metrics()).match(/^herald_conversions_total.*$/gm)).toEqual([
    'herald_conversions_total{outcome="ok",program="converter"} 1',
  ])
})
