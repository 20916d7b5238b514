import { spawnSync } from 'node:child_process'
import { randomBytes, randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { createServer, request } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { pathToFileURL } from 'node:url'
import { openBlobStore, parseBlobUrl } from '@herald/runtime/blobs'
import { afterAll, beforeAll, describe, expect, onTestFinished, test, vi } from 'vitest'
import { runProgramFile } from './run-program.js'
import { noS3Server, type S3Server, startS3Server } from './s3-server.js'
import { unfinishedUploads } from './s3-uploads.js'
import { scratchFolder } from './scratch-folder.js'
import { mountSmallDisk, noSmallDisk } from './small-disk.js'

const noStrace =
  spawnSync('strace', ['-f', '-o', '/dev/null', 'true']).status === 0
    ? ''
    : ' (left out: strace does not work here)'

const much = () => Readable.from(Array.from({ length: 300 }, () => randomBytes(65_536)))

/** Begins a put of 20 MB in a process of its own, and kills it when `isBegun`. */
async function putAndKill(url: string, isBegun: () => Promise<boolean>): Promise<void> {
  const { child, ended } = runProgramFile('put-blob', [url, 'half', 'endless'])
  await expect.poll(isBegun).toBe(true)
  child.kill('SIGKILL')
  await ended
}

/** Passes requests on, and cuts the connection instead of the reply to the first that makes an object. */
async function losingReplies({ endpoint }: S3Server) {
  let lost = 0
  const proxy = createServer((asked, reply) => {
    const { method = '', url = '', headers } = asked
    const makesObject = url.includes('uploadId=') ? method === 'POST' : method === 'PUT'
    asked.pipe(
      request(endpoint + url, { method, headers }, (answer) => {
        if (makesObject && lost === 0) {
          lost += 1
          answer.resume().once('end', () => asked.socket.destroy())
        } else answer.pipe(reply.writeHead(answer.statusCode ?? 500, answer.headers))
      }),
    )
  }).listen(0, '127.0.0.1')
  onTestFinished(() => void proxy.close())
  await once(proxy, 'listening')
  const { port } = proxy.address() as AddressInfo
  return { endpoint: `http://127.0.0.1:${port}`, lost: () => lost }
}

test('the URL of a blob store names a folder, or a bucket with its server', () => {
  expect(parseBlobUrl('file:///data/web%20files')).toEqual({
    kind: 'file',
    directory: '/data/web files',
  })
  expect(parseBlobUrl('s3://herald')).toEqual({
    kind: 's3',
    bucket: 'herald',
    prefix: '',
    endpoint: undefined,
    region: undefined,
  })
  expect(
    parseBlobUrl('s3://herald/a/b/?endpoint=http://s3.internal:9000&region=eu-west-1'),
  ).toEqual({
    kind: 's3',
    bucket: 'herald',
    prefix: 'a/b/',
    endpoint: 'http://s3.internal:9000',
    region: 'eu-west-1',
  })
})

test.each([
  ['/data', 'it begins with neither file:// nor s3://'],
  ['file://data/web', 'it names a host; a folder has three slashes'],
  ['file:///', 'it names no folder'],
  ['file:///data?mode=1', 'a folder has no parameters'],
  ['file:///a%zz', 'the path is not percent-encoded'],
  ['s3://', 'the bucket is not a name'],
  ['s3://Bucket_1', 'the bucket is not a name'],
  ['s3://user:password@herald', 'it has a user or a password'],
  ['s3://herald:9000/prefix', 'the bucket has a port; endpoint= names the server'],
  ['s3://herald?endpoint=s3.internal:9000', 'endpoint is not an http or https URL'],
  ['s3://herald?endpoint=http://s3/path', 'endpoint is not an http or https URL'],
  ['s3://herald?acl=public', 'it has a parameter other than endpoint, region'],
  ['https://herald.s3.amazonaws.com', 'it begins with neither file:// nor s3://'],
])('%j is refused before anything is opened: %s', async (url, why) => {
  expect(() => parseBlobUrl(url)).toThrow(why)
  await expect(openBlobStore(url)).rejects.toMatchObject({
    code: 'BLOB_BAD_URL',
    message: expect.stringMatching(/expected file:\/\/\/folder or s3:\/\/bucket/),
  })
})

describe('a folder of blobs', () => {
  test.each(['', '/blobs'])(
    'whose place a file has, with %j behind it, is named',
    async (below) => {
      const file = join(scratchFolder(), 'file')
      await writeFile(file, '')
      const url = pathToFileURL(`${file}${below}`).href
      await expect(openBlobStore(url)).rejects.toMatchObject({
        code: 'BLOB_REFUSED',
        message: `${url}: a file is in the place of a folder. Move it away, or choose another folder.`,
      })
    },
  )

  test('keeps nothing of a put that a crash ended, once unfinished ones are removed', async () => {
    const folder = scratchFolder()
    const url = pathToFileURL(folder).href
    const unfinished = join(folder, '.unfinished')
    await putAndKill(url, async () => existsSync(unfinished) && readdirSync(unfinished).length > 0)
    const store = await openBlobStore(url)
    expect(await store.head('half')).toBeUndefined()
    await store.removeUnfinished(Date.now() - 60_000)
    expect(readdirSync(unfinished)).toHaveLength(1)
    await store.removeUnfinished(Date.now() + 1)
    expect(readdirSync(unfinished)).toEqual([])
  })

  test('takes no put for unfinished because its machine has a clock that is behind', async () => {
    const folder = scratchFolder()
    const store = await openBlobStore(pathToFileURL(folder).href)
    vi.useFakeTimers({ toFake: ['Date'], now: Date.now() - 86_400_000 })
    onTestFinished(() => void vi.useRealTimers())
    const source = new Readable({ read() {} })
    const putting = store.put('slow', source)
    source.push('some')
    vi.useRealTimers()
    await vi.waitFor(() => expect(readdirSync(join(folder, '.unfinished'))).toHaveLength(1))
    await store.removeUnfinished(Date.now() - 3_600_000)
    source.push(null)
    await putting
    expect(await store.head('slow')).toMatchObject({ sizeBytes: 4 })
  })

  test.skipIf(noStrace !== '')(
    `has synced the blob, its name and its new folders when the put resolves${noStrace}`,
    async () => {
      const folder = scratchFolder()
      const trace = join(folder, 'trace')
      const url = pathToFileURL(join(folder, 'blobs')).href
      const calls = 'trace=fdatasync,fsync,link,linkat,write'
      const { ended, stderr } = runProgramFile('put-blob', [url, 'a/b'], {
        under: ['strace', '-f', '-y', '-o', trace, '-e', calls],
      })
      expect(await ended, stderr()).toEqual({ code: 0, signal: null })
      const synced = (path: string) => new RegExp(`f(data)?sync\\(\\d+<${path}>`)
      const wanted = [
        synced(`${folder}/blobs/.unfinished/[^>]+`),
        /link(at)?\(.*"[^"]*blobs\/a\/b"/,
        synced(`${folder}/blobs/a`),
        synced(`${folder}/blobs`),
        /write\(.*acknowledged/,
      ]
      const lines = readFileSync(trace, 'utf8').split('\n')
      const at = wanted.map((pattern) => lines.findIndex((line) => pattern.test(line)))
      expect(at).not.toContain(-1)
      expect(at).toEqual(at.toSorted((a, b) => a - b))
    },
  )

  describe.skipIf(noSmallDisk !== '')(`on a small disk${noSmallDisk}`, () => {
    test('that is full refuses the put, and takes it when there is space', async () => {
      const disk = mountSmallDisk(8 * 1024 ** 2)
      onTestFinished(() => disk.remove())
      const store = await openBlobStore(pathToFileURL(disk.path).href)
      await expect(store.put('big', much())).rejects.toMatchObject({ code: 'BLOB_FULL' })
      expect(await store.head('big')).toBeUndefined()
      await store.put('small', Readable.from(['content']))
      expect(await store.head('small')).toMatchObject({ sizeBytes: 7 })
    })
  })
})

describe.skipIf(noS3Server !== '')(`a bucket of blobs${noS3Server}`, () => {
  let server: S3Server
  beforeAll(async () => {
    server = await startS3Server()
    Object.assign(process.env, server.credentials)
  })
  afterAll(() => server?.close())

  test('that is missing is named, with its server', async () => {
    await expect(openBlobStore(server.urlOf('nowhere'))).rejects.toMatchObject({
      code: 'BLOB_NO_BUCKET',
      message: `s3://nowhere: ${server.endpoint} has no bucket nowhere. Create it first.`,
    })
  })

  describe('refused by its server', () => {
    const asUser = (credentials: Readonly<Record<string, string>>) => {
      Object.assign(process.env, credentials)
      onTestFinished(() => {
        for (const name of Object.keys(credentials)) delete process.env[name]
        Object.assign(process.env, server.credentials)
      })
    }

    test.each([
      ['a wrong secret', { AWS_SECRET_ACCESS_KEY: 'wrong' }, /Check AWS_SECRET_ACCESS_KEY/],
      ['an unknown access key', { AWS_ACCESS_KEY_ID: 'nobody' }, /Check AWS_ACCESS_KEY_ID/],
      ['a bad token', { AWS_SESSION_TOKEN: 'old' }, /Renew the credentials, or unset AWS_SESSION/],
    ])('for %s is reported with what to check', async (_what, credentials, remedy) => {
      const url = await server.bucket(`refused-${randomUUID()}`)
      asUser(credentials)
      const opening = openBlobStore(url)
      await expect(opening).rejects.toMatchObject({ name: 'BlobError', code: 'BLOB_REFUSED' })
      await expect(opening).rejects.toThrow(remedy)
      await expect(opening).rejects.not.toThrow('Unknown')
    })

    test('for its region is reported with the right one', async () => {
      const url = await server.bucket(`region-${randomUUID()}`)
      const opening = openBlobStore(`${url}&region=eu-west-9`)
      await expect(opening).rejects.toMatchObject({ code: 'BLOB_REFUSED' })
      await expect(opening).rejects.toThrow('Add region=us-east-1 to the URL')
    })

    test('for a user without permission is reported with the permissions it needs', async () => {
      const url = await server.bucket(`closed-${randomUUID()}`)
      asUser(await server.user())
      const opening = openBlobStore(url)
      await expect(opening).rejects.toMatchObject({ code: 'BLOB_REFUSED' })
      await expect(opening).rejects.toThrow(/do not allow it. Allow them s3:ListBucket, GetObject/)
    })
  })

  test('behind an address without TLS is reported as that', async () => {
    const url = server.urlOf('any').replace('http%3A', 'https%3A')
    await expect(openBlobStore(url)).rejects.toMatchObject({
      code: 'BLOB_UNREACHABLE',
      message: expect.stringContaining('Check http or https in endpoint='),
    })
  })

  test('takes its credentials from a file', async () => {
    const url = await server.bucket('by-file')
    const path = join(scratchFolder(), 'credentials')
    const { AWS_ACCESS_KEY_ID: access, AWS_SECRET_ACCESS_KEY: secret } = server.credentials
    await writeFile(
      path,
      `[default]\naws_access_key_id = ${access}\naws_secret_access_key = ${secret}\n`,
    )
    const { ended, stderr } = runProgramFile('put-blob', [url, 'by-file'], {
      env: { AWS_ACCESS_KEY_ID: '', AWS_SECRET_ACCESS_KEY: '', AWS_SHARED_CREDENTIALS_FILE: path },
    })
    expect(await ended, stderr()).toEqual({ code: 0, signal: null })
    const store = await openBlobStore(url)
    expect(await store.head('by-file')).toBeDefined()
    await store.close()
  })

  test('whose server cannot be reached is named, and works again when it can', async () => {
    const url = await server.bucket('away')
    const store = await openBlobStore(url)
    onTestFinished(() => store.close())
    await store.put('kept', Readable.from(['content']))
    await server.stop()
    const away = {
      code: 'BLOB_UNREACHABLE',
      message: `s3://away: ${server.endpoint} cannot be reached (ECONNREFUSED). Check that it runs, and endpoint=.`,
    }
    await expect(store.get('kept')).rejects.toMatchObject(away)
    await expect(store.put('more', Readable.from(['content']))).rejects.toMatchObject(away)
    await expect(openBlobStore(url)).rejects.toMatchObject(away)
    await server.start()
    expect(await store.head('kept')).toMatchObject({ sizeBytes: 7 })
    await store.put('more', Readable.from(['content']))
  })

  test.each([
    ['one part', 7],
    ['several parts', 20_000_000],
  ])('takes a put of %s whose reply was lost, and refuses another one', async (_parts, size) => {
    const bucket = `lost-${randomUUID()}`
    await server.bucket(bucket)
    const proxy = await losingReplies(server)
    const store = await openBlobStore(`s3://${bucket}?endpoint=${proxy.endpoint}`)
    onTestFinished(() => store.close())
    await store.put('once', Readable.from([randomBytes(size)]))
    expect(proxy.lost()).toBe(1)
    expect(await store.head('once')).toMatchObject({ sizeBytes: size })
    await expect(store.put('once', Readable.from(['other']))).rejects.toMatchObject({
      code: 'BLOB_EXISTS',
    })
  })

  test('keeps nothing of a put that a crash ended, once unfinished ones are removed', async () => {
    const url = await server.bucket(`crash-${randomUUID()}`)
    await putAndKill(url, async () => (await unfinishedUploads(url)) === 1)
    const store = await openBlobStore(url)
    onTestFinished(() => store.close())

    expect(await store.head('half')).toBeUndefined()
    await store.removeUnfinished(Date.now() - 60_000)
    expect(await unfinishedUploads(url)).toBe(1)
    await store.removeUnfinished(Date.now() + 2000)
    expect(await unfinishedUploads(url)).toBe(0)
  })

  describe.skipIf(noSmallDisk !== '')(`on a small disk${noSmallDisk}`, () => {
    test('that is full refuses the put, and leaves nothing', async () => {
      const disk = mountSmallDisk(24 * 1024 ** 2)
      onTestFinished(() => disk.remove())
      const small = await startS3Server(disk.path)
      onTestFinished(() => small.close())
      const store = await openBlobStore(await small.bucket('small'))
      onTestFinished(() => store.close())
      disk.fill(4 * 1024 ** 2)
      await expect(store.put('big', much())).rejects.toMatchObject({
        name: 'BlobError',
        message: expect.stringContaining(small.endpoint),
      })
      expect(await store.head('big')).toBeUndefined()
    })
  })
})
