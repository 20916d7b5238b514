import { readFile } from 'node:fs/promises'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { noise } from './pictures.js'
import { type RealConverter, startConverter } from './real-converter.js'
import { slowLine } from './slow-line.js'
import { workshopWith } from './workshop.js'

// Real processes beside whatever else the machine does.

let converter: RealConverter
beforeAll(async () => {
  converter = await startConverter({ HERALD_IDLE: '3s' })
})
afterAll(() => converter.close())

const workshop = (address: string, side: number) =>
  workshopWith({ 'noise.png': noise(side, side) }, address)

test('downloads at a steady 1 MB/s, 150 kB/s and 40 kB/s are complete byte for byte', async () => {
  const download = async (bytesPerSecond: number, side: number) => {
    const { address } = await slowLine(converter.address, bytesPerSecond)
    const shop = await workshop(address, side)
    const { status, stderr } = await shop.start(['convert', 'noise.png', '--to', 'tiff']).finished
    expect({ status, stderr }).toMatchObject({ status: 0 })
    const args = ['convert', 'noise.png', '--to', 'tiff', '-o', 'straight']
    const straight = await shop.herald(args, { HERALD_CONVERTER: converter.address })
    expect(straight).toMatchObject({ status: 0 })
    const slow = await readFile(shop.path('noise.tif'))
    const fast = await readFile(shop.path('straight', 'noise.tif'))
    expect(slow.length).toBeGreaterThan(side * side * 2)
    expect(slow.equals(fast)).toBe(true)
  }
  // The slower two take more than twice the idle time.
  await Promise.all([download(1_000_000, 1100), download(150_000, 600), download(40_000, 300)])
})

describe('a client that was stopped while it downloaded', () => {
  async function stopped(idle: string) {
    const impatient = await startConverter({ HERALD_IDLE: idle })
    onTestFinished(() => impatient.close())
    const line = await slowLine(impatient.address, 500_000)
    const shop = await workshop(line.address, 1100)
    const { child, finished } = shop.start(['convert', 'noise.png', '--to', 'tiff'])
    await expect.poll(() => shop.names()).toHaveLength(2)
    child.kill('SIGSTOP')
    await expect.poll(impatient.metrics).toContain('HERALD_TIMEOUT')
    await expect.poll(impatient.metrics).toMatch(/herald_conversions_admitted.* 0$/m)
    return { line, goOn: () => child.kill('SIGCONT'), finished }
  }

  test('gets the reason of the failure if it continues soon', async () => {
    const { goOn, finished } = await stopped('3s')
    goOn()
    const { status, stderr } = await finished
    expect(stderr).toContain('The renditions were not read for 3 s.')
    expect(status).toBe(4)
  })

  test('converts again if its connection was ended meanwhile', async () => {
    const { line, goOn, finished } = await stopped('500ms')
    await line.closed
    goOn()
    expect(await finished).toMatchObject({ status: 0 })
  })
})
