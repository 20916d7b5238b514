import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { type IncomingMessage, request } from 'node:http'
import { noS3Server, type S3Server, startS3Server } from '@herald/runtime/test/s3-server'
import { afterAll, beforeAll, describe, expect, onTestFinished, test, vi } from 'vitest'
import { noise } from './pictures.js'
import { type RealConverter, startConverter } from './real-converter.js'
import { openCaller, openWebFolder } from './web-page.js'

vi.setConfig({ testTimeout: 90_000 })

const patient = { timeout: 40_000, interval: 100 }
/** More than the SDK's default number of connections, 50. */
const many = 60

describe.skipIf(noS3Server !== '')(`downloads of results in S3${noS3Server}`, () => {
  let s3: S3Server
  let converter: RealConverter
  beforeAll(async () => {
    ;[converter, s3] = await Promise.all([startConverter(), startS3Server()])
  })
  afterAll(() => Promise.all([converter?.close(), s3?.close()]))

  /** A page with one result, which is larger than the buffers between here and the S3 server. */
  async function pageWithResult() {
    const folder = await openWebFolder(converter.address)
    onTestFinished(() => folder.close())
    const results = await s3.bucket(`results-${randomUUID()}`)
    const page = await folder.start({ HERALD_WEB_RESULTS: results, ...s3.credentials })
    const caller = openCaller(page)
    const content = noise(2400, 2400)
    const { token, html } = await caller.convert({ to: 'tiff' }, { name: 'noise.png', content })
    expect(html).toContain('result converted')
    /** Resolves when the answer begins. */
    const begin = async (path: string) => {
      const sent = request(new URL(path, page.url), {
        headers: { Cookie: caller.cookie() },
        agent: false,
      }).end()
      onTestFinished(() => void sent.destroy())
      const [answer] = (await once(sent, 'response')) as [IncomingMessage]
      answer.on('error', () => {})
      return answer
    }
    const paths = [`/c/${token}/files/noise.tif`, `/c/${token}/all.zip`] as const
    return { page, caller, begin, paths }
  }

  test('that are slow leave connections for others', async () => {
    const { begin, paths } = await pageWithResult()
    const slow = await Promise.all(Array.from({ length: many }, () => begin(paths[0])))
    expect(slow.map(({ statusCode }) => statusCode)).toEqual(slow.map(() => 200))
  })

  test('that are aborted give their connections back', async () => {
    const { begin, caller, paths } = await pageWithResult()
    for (const path of paths) {
      for (let times = 0; times < many; times += 1) (await begin(path)).destroy()
    }
    expect((await caller.get(paths[0], { headers: { Range: 'bytes=0-3' } })).status).toBe(206)
  })

  test('are refused while the S3 server is gone, and the log says why', async () => {
    const { page, caller, paths } = await pageWithResult()
    await s3.stop()
    onTestFinished(() => s3.start())
    for (const path of paths) {
      for (const method of ['GET', 'HEAD']) {
        expect((await caller.get(path, { method })).status).toBe(503)
      }
    }
    const reason = `${s3.endpoint} cannot be reached (ECONNREFUSED). Check that it runs`
    const logged = (message: string) =>
      page.log.filter((line) => line.includes(reason) && line.includes(message)).length
    await expect.poll(() => logged('the results cannot be used')).toBe(4)
    const picture = { name: 'a.png', content: noise(8, 8) }
    const { html } = await caller.convert({ to: 'webp' }, picture)
    expect(html).toContain('The service cannot save files at the moment. Try again later.')
    await expect.poll(() => logged('could not convert')).toBe(1)
    // Neither can what another one has begun be removed.
    converter.signal('SIGSTOP')
    onTestFinished(() => converter.signal('SIGCONT'))
    void caller.send({ to: 'webp' }, picture).catch(() => {})
    const [, token] = await vi.waitFor(async () => {
      const found = /class="row converting" id="c-([\w-]{22})"/.exec(
        await (await caller.get('/')).text(),
      )
      if (!found) throw new Error('not begun yet')
      return found
    }, patient)
    expect((await caller.get(`/c/${token}/remove`, { method: 'POST' })).status).toBe(503)
  })

  test('are asked for by HEAD without being read', async () => {
    const { caller, paths } = await pageWithResult()
    const [file, zip] = await Promise.all(
      paths.map((path) => caller.get(path, { method: 'HEAD', headers: { Range: 'bytes=0-3' } })),
    )
    expect([file?.status, zip?.status]).toEqual([200, 200])
    expect(Number(file?.headers.get('content-length'))).toBeGreaterThan(2400 * 2400 * 3)
  })
})
