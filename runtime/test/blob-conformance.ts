import { createHash, randomBytes } from 'node:crypto'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { buffer, text } from 'node:stream/consumers'
import { type BlobStore, openBlobStore, readStoreClock } from '@herald/runtime/blobs'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { scratchFolder } from './scratch-folder.js'

const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex')
const collect = async <T>(items: AsyncIterable<T>) => {
  const all: T[] = []
  for await (const item of items) all.push(item)
  return all
}
/** In pieces of 64 KiB. */
function* pieces(bytes: Buffer) {
  for (let at = 0; at < bytes.length; at += 65_536) yield bytes.subarray(at, at + 65_536)
}

/** What every blob store does. `newUrl`: the URL of one that is empty. */
export function describeBlobStore(name: string, newUrl: () => Promise<string>): void {
  describe(`a blob store: ${name}`, () => {
    const open = async (): Promise<BlobStore> => {
      const store = await openBlobStore(await newUrl())
      onTestFinished(() => store.close())
      return store
    }
    const put = (store: BlobStore, key: string, content: string | Buffer = 'content') =>
      store.put(key, Readable.from([Buffer.from(content)]))
    const keys = async (store: BlobStore, prefix = '') =>
      (await collect(store.list(prefix))).map(({ key }) => key).sort()

    test('a blob comes back as it was put, whatever its size', async () => {
      const store = await open()
      // The last one takes several parts.
      for (const size of [0, 1, 100_000, 20_000_000]) {
        const bytes = randomBytes(size)
        await store.put(`sizes/${size}`, Readable.from(pieces(bytes)))
        expect(sha256(await buffer(await store.get(`sizes/${size}`)))).toBe(sha256(bytes))
        expect(await store.head(`sizes/${size}`)).toMatchObject({ sizeBytes: size })
      }
    })

    test('a file becomes a blob, and stays when the file is removed', async () => {
      const store = await open()
      const path = join(scratchFolder(), 'result')
      await writeFile(path, 'result')
      await store.put('a/result', { path })
      expect(await text(await store.get('a/result'))).toBe('result')
      expect(await readFile(path, 'utf8')).toBe('result')
    })

    test('another program that opens the same URL sees it', async () => {
      const url = await newUrl()
      const [one, other] = await Promise.all([openBlobStore(url), openBlobStore(url)])
      await put(one, 'shared/file')
      expect(await text(await other.get('shared/file'))).toBe('content')
      await other.delete('shared/file')
      expect(await one.head('shared/file')).toBeUndefined()
      await Promise.all([one.close(), other.close()])
    })

    test('a range is those bytes', async () => {
      const store = await open()
      await put(store, 'range', '0123456789')
      expect(await text(await store.get('range', { start: 2, end: 4 }))).toBe('234')
      expect(await text(await store.get('range', { start: 9, end: 9 }))).toBe('9')
    })

    test('keys may have any letters and signs', async () => {
      const store = await open()
      const names = ['ü/b c+d%41.webp', '文件/页-1.png', "it's (1) & #?.pdf", 'a/.hidden', 'e=/~*']
      for (const key of names) await put(store, key, key)
      for (const key of names) expect(await text(await store.get(key))).toBe(key)
      expect(await keys(store)).toEqual(names.toSorted())
    })

    test.each([
      '',
      '/a',
      'a/',
      'a//b',
      '../a',
      'a/../b',
      './a',
      '.a',
      'a\\b',
      'a\n',
      'a'.repeat(1025),
    ])('the key %j is refused', async (key) => {
      const store = await open()
      await expect((async () => put(store, key))()).rejects.toThrow(TypeError)
      await expect((async () => store.get(key))()).rejects.toThrow(TypeError)
    })

    test('a blob is never replaced: the second put is refused, and one of several at once is taken', async () => {
      const store = await open()
      await put(store, 'once', 'first')
      await expect(put(store, 'once', 'second')).rejects.toMatchObject({ code: 'BLOB_EXISTS' })
      expect(await text(await store.get('once'))).toBe('first')
      const big = randomBytes(9_000_000)
      await store.put('once-big', Readable.from(pieces(big)))
      await expect(store.put('once-big', Readable.from(pieces(big)))).rejects.toMatchObject({
        code: 'BLOB_EXISTS',
      })
      const puts = await Promise.allSettled(
        Array.from({ length: 5 }, (_, at) => put(store, 'race', `${at}`)),
      )
      const taken = puts.flatMap(({ status }, at) => (status === 'fulfilled' ? [`${at}`] : []))
      expect(taken).toEqual([await text(await store.get('race'))])
    })

    test('a put whose source fails leaves nothing, and rejects with its error', async () => {
      const store = await open()
      for (const size of [1000, 20_000_000]) {
        const source = Readable.from(
          (function* () {
            yield* pieces(randomBytes(size))
            throw new Error('the source failed')
          })(),
        )
        await expect(store.put('half', source)).rejects.toThrow('the source failed')
        expect(await store.head('half')).toBeUndefined()
      }
      expect(await keys(store)).toEqual([])
      // Its key is free.
      await put(store, 'half', 'whole')
      expect(await text(await store.get('half'))).toBe('whole')
    })

    test('a blob is not there before its last byte', async () => {
      const store = await open()
      const source = new Readable({ read() {} })
      const putting = store.put('late', source)
      source.push(randomBytes(9_000_000))
      source.push('more')
      expect(await store.head('late')).toBeUndefined()
      source.push(null)
      await putting
      expect(await store.head('late')).toMatchObject({ sizeBytes: 9_000_004 })
    })

    test('what is not there is missing; deleting it does nothing', async () => {
      const store = await open()
      await put(store, 'folder/file')
      for (const key of ['nothing', 'folder', 'folder/file/more']) {
        expect(await store.head(key)).toBeUndefined()
        await expect(store.get(key)).rejects.toMatchObject({ code: 'BLOB_MISSING' })
      }
      await store.delete('nothing')
      await store.delete('folder/file')
      await store.delete('folder/file')
      expect(await store.head('folder/file')).toBeUndefined()
      await put(store, 'folder', 'now a blob')
    })

    test('a list has the blobs of that prefix, more than a page of a server has, with size and time', async () => {
      const store = await open()
      const before = Date.now()
      const names = Array.from({ length: 1100 }, (_, at) => `many/${at}`)
      for (let at = 0; at < names.length; at += 20) {
        await Promise.all(names.slice(at, at + 20).map((key) => put(store, key, 'abc')))
      }
      await put(store, 'man', 'ab')
      await put(store, 'other/1')
      expect(await keys(store, 'many/')).toEqual(names.toSorted())
      expect(await keys(store, 'many/10')).toEqual(
        names.filter((key) => key.startsWith('many/10')).sort(),
      )
      expect(await keys(store, 'none/')).toEqual([])
      expect(await keys(store)).toHaveLength(1102)
      const [man] = await collect(store.list('man'))
      expect(man?.modifiedAtMs).toBeGreaterThan(before - 2000)
    })

    test('blobs may be deleted while they are listed', async () => {
      const store = await open()
      for (let at = 0; at < 5; at += 1) await put(store, `sweep/${at}`)
      for await (const { key } of store.list('sweep/')) await store.delete(key)
      expect(await keys(store)).toEqual([])
    })

    test('its clock can be read, whatever that of this machine says', async () => {
      const store = await open()
      const realMs = Date.now()
      vi.useFakeTimers({ toFake: ['Date'], now: realMs + 86_400_000 })
      onTestFinished(() => void vi.useRealTimers())
      const times = await Promise.all([1, 2, 3].map(() => readStoreClock(store)))
      for (const time of times) {
        expect(time).toBeGreaterThan(realMs - 2_000)
        expect(time).toBeLessThan(realMs + 60_000)
      }
    })

    test('nothing that is under way is taken for unfinished', async () => {
      const store = await open()
      const source = new Readable({ read() {} })
      const putting = store.put('slow', source)
      source.push(randomBytes(9_000_000))
      await store.removeUnfinished(Date.now() - 60_000)
      source.push(null)
      await putting
      expect(await store.head('slow')).toMatchObject({ sizeBytes: 9_000_000 })
    })
  })
}
