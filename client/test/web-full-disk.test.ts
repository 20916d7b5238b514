import { join } from 'node:path'
import { mountSmallDisk, noSmallDisk } from '@herald/runtime/test/small-disk'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { gradient } from './pictures.js'
import { startConverter } from './real-converter.js'
import { openCaller, openWebFolder } from './web-page.js'

vi.setConfig({ testTimeout: 90_000 })

const patient = { timeout: 40_000, interval: 100 }
const picture = { name: 'harbour.png', content: gradient(320, 200) }

describe.skipIf(noSmallDisk !== '')(`a page whose disk is full${noSmallDisk}`, () => {
  async function pageOnSmallDisk() {
    const converter = await startConverter()
    onTestFinished(() => {
      converter.signal('SIGCONT')
      return converter.close()
    })
    const disk = mountSmallDisk(20_000_000)
    onTestFinished(() => disk.remove())
    const folder = await openWebFolder(converter.address)
    onTestFinished(() => folder.close())
    const page = await folder.start({ HERALD_DATA: join(disk.path, 'data') })
    return { converter, disk, page, caller: openCaller(page) }
  }

  test('refuses files with the reason, and still shows and sends what it has', async () => {
    const { caller, disk } = await pageOnSmallDisk()
    const { token } = await caller.convert({ to: 'webp' }, picture)
    disk.fill()
    const refused = await caller.send({ to: 'webp' }, picture)
    expect([refused.status, await refused.json()]).toEqual([
      507,
      {
        error: {
          code: 'HERALD_DISK_FULL',
          message: 'The service has no free disk space. Try again later.',
        },
      },
    ])
    expect((await caller.get('/')).status).toBe(200)
    expect((await caller.get(`/c/${token}/files/harbour.webp`)).status).toBe(200)
    disk.empty()
    await caller.convert({ to: 'webp' }, picture)
  })

  test('ends a conversion that was under way once there is space again', async () => {
    const { converter, page, caller, disk } = await pageOnSmallDisk()
    await caller.get('/')
    converter.signal('SIGSTOP')
    const sent = caller.send({ to: 'webp' }, picture)
    const rows = async (state: string) =>
      (await (await openCaller(page, caller.cookie()).get('/')).text()).match(
        new RegExp(`class="row ${state}"`),
      )
    await expect.poll(() => rows('converting'), patient).toBeTruthy()
    disk.fill()
    converter.signal('SIGCONT')
    await sent
    await expect
      .poll(() => page.log.join(), patient)
      .toMatch(/could not be recorded|not cleaned up/)
    disk.empty()
    await expect.poll(() => rows('failed'), patient).toBeTruthy()
  })
})
