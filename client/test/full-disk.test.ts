import { createHash } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { openOutbox } from '@herald/broker/outbox'
import { silentLogger } from '@herald/runtime/logger'
import { mountSmallDisk, noSmallDisk } from '@herald/runtime/test/small-disk'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { convertAndAnnounce } from '#src/convert-and-announce'
import type { ConverterClient } from '#src/converter-client'
import { gradient, noise } from './pictures.js'
import { type RealConverter, startConverter } from './real-converter.js'
import { type Files, workshopWith } from './workshop.js'

const megabyte = 1024 * 1024

describe.skipIf(noSmallDisk !== '')(`a disk that is full${noSmallDisk}`, () => {
  let converter: RealConverter
  beforeAll(async () => {
    converter = await startConverter()
  })
  afterAll(() => converter.close())

  const workshop = (files?: Files) => workshopWith(files, converter.address)

  function smallDisk(bytes: number) {
    const disk = mountSmallDisk(bytes)
    onTestFinished(() => disk.remove())
    return disk
  }

  test('is said before anything is uploaded, with what is there and what is needed', async () => {
    const shop = await workshop({ 'noise.png': noise(700, 700) })
    const disk = smallDisk(2 * megabyte)
    const args = ['convert', 'noise.png', '--to', 'webp', '--out', disk.path]
    const { status, stdout, stderr } = await shop.herald([...args, '-n', 'ada@example.com'])
    expect({ status, stdout }).toEqual({ status: 1, stdout: '' })
    expect(stderr).toMatch(
      /^herald: The disk of \S+ is too full: it has 2\.1 MB left, and this may take 2\.9 MB\. Nothing was converted\.\n +Free up some space, or choose another folder with --out\.\n$/,
    )
    expect(readdirSync(disk.path)).toEqual([])
    const json = JSON.parse((await shop.herald([...args, '--json'])).stdout)
    expect(json).toMatchObject({ ok: false, error: { code: 'HERALD_DISK_FULL', exitCode: 1 } })
    expect((await shop.herald(['outbox', '--json'])).stdout).toBe('')
  })

  test('is reported before the upload if it is the disk of the outbox', async () => {
    const shop = await workshop({ 'a.png': gradient(64, 48) })
    const disk = smallDisk(megabyte)
    const env = { HERALD_DATA: join(disk.path, 'data') }
    expect((await shop.herald(['outbox'], env)).status).toBe(0)
    disk.fill(200 * 1024)
    const { status, stderr } = await shop.herald(['convert', 'a.png', '--to', 'webp'], env)
    expect(status).toBe(1)
    expect(stderr).toContain('name another folder with HERALD_DATA')
    expect(await shop.names()).toEqual(['a.png'])
  })

  test('in the middle of the download: a clear word, and nothing of it is left', async () => {
    const source = await workshop({ 'noise.png': noise(900, 900) })
    await source.herald(['convert', 'noise.png', '--to', 'jpeg', '--quality', '20'])
    const jpeg = readFileSync(source.path('noise.jpg'))
    expect(jpeg.length).toBeLessThan(megabyte)
    const shop = await workshop({ 'noise.jpg': jpeg })
    const disk = smallDisk(2 * megabyte)
    const args = ['convert', 'noise.jpg', '--to', 'png', '--out', disk.path]
    const { status, stdout, stderr } = await shop.herald([...args, '-n', 'ada@example.com'])
    expect({ status, stdout }).toEqual({ status: 1, stdout: '' })
    expect(stderr).toMatch(
      /^✗ noise\.jpg {2}Cannot write to \S+: the disk is full\.\n +Free up some space, or choose/,
    )
    expect(readdirSync(disk.path)).toEqual([])
    expect((await shop.herald(['outbox', '--json'])).stdout).toBe('')
  })

  /** A conversion whose converter runs `before` when all is received, and whose outbox is on `disk`. */
  async function convertOn(disk: { path: string }, folder: string, before: () => void) {
    const outbox = await openOutbox(join(disk.path, 'outbox'), {
      broker: `embedded:${join(folder, 'broker')}`,
      logger: silentLogger,
    })
    onTestFinished(() => outbox.close())
    const bytes = Buffer.from('a rendition')
    const sha256 = createHash('sha256').update(bytes).digest('hex')
    const summary = { input: null, stripped: [], queueMs: 0, conversionMs: 0, preview: null }
    const converter = {
      async convert(_input: unknown, call: Parameters<ConverterClient['convert']>[1]) {
        const header = { index: 0, format: 'webp', mediaType: 'image/webp', width: 1, height: 1 }
        const target = await call.receive({ ...header, pages: 1 } as never)
        await target.write(bytes)
        await target.complete({ sizeBytes: bytes.length, sha256, encoder: '' } as never)
        before()
        return summary
      },
    } as unknown as ConverterClient
    const converting = convertAndAnnounce(
      { converter, outbox },
      {
        ...{ runId: 'r', conversionId: 'c', source: '/test', recipients: [''], language: '' },
        traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
        input: { name: 'a.png', path: '/a.png', sizeBytes: 1 } as never,
        renditions: [{ spec: { format: 'webp' }, finalPath: join(folder, 'a.webp') }] as never,
        ...{ overwrite: false, topic: 'notifications', signal: new AbortController().signal },
      },
    )
    return { converting, outbox }
  }

  test('when the announcement is to be kept: no final name is given, nothing is left', async () => {
    const shop = await workshop({})
    const disk = smallDisk(2 * megabyte)
    const { converting, outbox } = await convertOn(disk, shop.folder, () => disk.fill())
    await expect(converting).rejects.toMatchObject({ code: 'STORE_FULL' })
    expect(await shop.names()).toEqual([])
    disk.empty()
    expect(outbox.entries()).toEqual([])
    const later = { key: null, value: Buffer.from('x'), headers: { ce_id: Buffer.from('1') } }
    const id = await outbox.prepare({ topic: 't', messages: [later], files: [], label: 'x' })
    expect(outbox.entries().map((each) => each.id)).toEqual([id])
  })

  test('when only the last note cannot be written: the file is there, and is announced later', async () => {
    const shop = await workshop({})
    const disk = smallDisk(2 * megabyte)
    const { converting, outbox } = await convertOn(disk, shop.folder, () => {
      const prepare = outbox.prepare.bind(outbox)
      outbox.prepare = async (announcement) => {
        const id = await prepare(announcement)
        disk.fill()
        return id
      }
    })
    const { announcement } = await converting
    const entryId = announcement?.entryId ?? ''
    expect(await shop.names()).toEqual(['a.webp'])
    expect(outbox.entries().map(({ id, state }) => [id, state.kind])).toEqual([
      [entryId, 'prepared'],
    ])
    disk.empty()
    await outbox.place(entryId)
    expect(outbox.entries().map(({ state }) => state.kind)).toEqual(['ready'])
  })
})
