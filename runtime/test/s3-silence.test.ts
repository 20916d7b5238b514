import { randomBytes, randomUUID } from 'node:crypto'
import { Readable } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { parseBlobUrl } from '#src/blobs/index'
import { openS3Blobs } from '#src/blobs/s3-blobs'
import { openLine } from './s3-line.js'
import { noS3Server, type S3Server, startS3Server } from './s3-server.js'

const silenceMs = 1_500
const limits = { connectMs: 2_000, answerMs: 3_000, silenceMs }
const content = randomBytes(10_000_000)

describe.skipIf(noS3Server !== '')(`an S3 server${noS3Server}`, () => {
  let server: S3Server
  beforeAll(async () => {
    server = await startS3Server()
    Object.assign(process.env, server.credentials)
  })
  afterAll(() => server?.close())

  async function openOverLine() {
    const line = await openLine(server.endpoint)
    const bucket = `b-${randomUUID()}`
    await server.bucket(bucket)
    const location = parseBlobUrl(`s3://${bucket}?endpoint=${line.endpoint}`)
    if (location.kind !== 's3') throw new Error('no S3 server')
    const open = () => openS3Blobs(location, limits)
    const store = await open()
    onTestFinished(() => store.close())
    const unreachable = {
      name: 'BlobError',
      code: 'BLOB_UNREACHABLE',
      message: `s3://${bucket}: ${line.endpoint} cannot be reached (no answer in time). Check that it runs, and endpoint=.`,
    }
    return { line, open, store, unreachable }
  }

  test('that never answers is reported for each operation', async () => {
    const { line, open, store, unreachable } = await openOverLine()
    line.mode = 'silent'
    await Promise.all([
      expect(open()).rejects.toMatchObject(unreachable),
      expect(store.head('a')).rejects.toMatchObject(unreachable),
      expect(store.get('a')).rejects.toMatchObject(unreachable),
      expect(store.delete('a')).rejects.toMatchObject(unreachable),
      expect(store.put('a', Readable.from(['content']))).rejects.toMatchObject(unreachable),
      expect(store.list('')[Symbol.asyncIterator]().next()).rejects.toMatchObject(unreachable),
    ])
  })

  test('that stops within a blob is reported, and the blob is not there', async () => {
    const { line, store, unreachable } = await openOverLine()
    await store.put('whole', Readable.from([content]))
    line.mode = 'halfway'
    await expect(store.get('whole').then(buffer)).rejects.toMatchObject(unreachable)
    await expect(store.put('half', Readable.from([content]))).rejects.toMatchObject(unreachable)
    line.mode = 'open'
    expect(await store.head('half')).toBeUndefined()
    await store.put('half', Readable.from([content]))
    expect(content.equals(await buffer(await store.get('half')))).toBe(true)
  })

  test('that is slow is waited for', async () => {
    const { line, store } = await openOverLine()
    line.mode = 'slow'
    const startedAt = performance.now()
    await store.put('slow', Readable.from([content]))
    const got = await buffer(await store.get('slow'))
    expect(performance.now() - startedAt).toBeGreaterThan(2 * silenceMs)
    expect(content.equals(got)).toBe(true)
  })

  test('is not taken for silent if the reader of a blob is slow', async () => {
    const { store } = await openOverLine()
    await store.put('blob', Readable.from([content]))
    const blob = await store.get('blob')
    let bytes = 0
    for await (const chunk of blob) {
      // Longer than the server may be silent.
      if (bytes === 0) await sleep(2 * silenceMs)
      bytes += chunk.length
    }
    expect(bytes).toBe(content.length)
  })

  test('gets its connection back from a blob that nobody reads', async () => {
    const { store } = await openOverLine()
    await store.put('blob', Readable.from([content]))
    // The SDK has 50 connections.
    for (let times = 0; times < 60; times += 1) (await store.get('blob')).destroy()
    expect(content.equals(await buffer(await store.get('blob')))).toBe(true)
  })
})
