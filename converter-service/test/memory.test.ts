import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { credentials } from '@grpc/grpc-js'
import { ConverterService } from '@herald/proto/converter'
import sharp from 'sharp'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { convertOne } from './convert.js'
import { familyOf, memoryOf } from './processes.js'
import { type ProgramUnderTest, startProgram } from './program-under-test.js'

let spool: string
let program: ProgramUnderTest
beforeEach(async () => {
  spool = await mkdtemp(join(tmpdir(), 'herald-memory-'))
  program = startProgram(spool, {
    HERALD_MAX_BYTES: '200M',
    HERALD_MAX_PIXELS: '60000000',
    HERALD_WORKERS: '2',
  })
})
afterEach(async () => {
  await program.end()
  await rm(spool, { recursive: true, force: true })
})

const mebibytes = (bytes: number) => Math.round(bytes / 1024 ** 2)

test('50 million pixels become a small JPEG in 400 MiB, all processes together', async () => {
  const { address } = await program.ready
  const tiff = await uncompressed(8660, 5774)
  const client = new ConverterService(address, credentials.createInsecure())
  let most = 0
  let looking = true
  const watch = (async () => {
    while (looking) {
      most = Math.max(most, await memoryOf(await familyOf(program.child.pid ?? 0)))
      await new Promise((resolve) => setTimeout(resolve, 10))
    }
  })()
  const made = await convertOne(client, tiff, { format: 'jpeg', width: 2000 })
  looking = false
  await watch
  client.close()
  console.log(
    `a TIFF of ${mebibytes(tiff.length)} MiB: at most ${mebibytes(most)} MiB of memory (PSS, all processes), one child ${mebibytes(made.whole.peakMemoryBytes)} MiB`,
  )
  expect(made.header.width).toBe(2000)
  expect(mebibytes(most)).toBeLessThan(400)
})

/** A picture as a scanner writes it. */
async function uncompressed(width: number, height: number): Promise<Buffer> {
  const pixels = Buffer.alloc(width * height * 3)
  for (let at = 0; at < pixels.length; at++) pixels[at] = (at * 2_654_435_761) >>> 24
  return sharp(pixels, { raw: { width, height, channels: 3 } })
    .tiff({ compression: 'none' })
    .toBuffer()
}
