import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'
import { describeOnPostgres, usePostgres } from '@herald/postgres/use-postgres'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { beginRequest, openForm } from './begin-request.js'
import { gradient } from './pictures.js'
import { openCaller, useWebPage, type WebFolder, type WebPage } from './web-page.js'

vi.setConfig({ testTimeout: 60_000 })

const patient = { timeout: 40_000, interval: 100 }
/** Uploads at the same time of one caller. */
const uploadsAtOnce = 8

const times = (count: number) => Array.from({ length: count })
/** Whether another upload would be taken: a form without a file is refused for another reason. */
const uploadStatus = async (on: Pick<WebPage, 'url'>) =>
  (await openCaller(on).get('/convert', { method: 'POST', body: new FormData() })).status

describe('a request that ends early', () => {
  let page: WebPage
  let folder: WebFolder
  useWebPage((web) => {
    ;({ page, folder } = web)
  })

  test('before the formats are known no longer counts as an upload', async () => {
    const silent = createServer().listen(0, '127.0.0.1')
    onTestFinished(() => void silent.close())
    await once(silent, 'listening')
    const { port } = silent.address() as AddressInfo
    const own = await folder.start({ HERALD_CONVERTER: `127.0.0.1:${port}` })
    for (const _ of times(uploadsAtOnce)) {
      ;(await beginRequest(own, '/convert', { body: openForm('a.png') })).destroy()
    }
    expect(await uploadStatus(own)).toBe(400)
    expect(await own.stop()).toBe(0)
  })

  test('because it is refused no longer counts as a preview', async () => {
    const uploads = await Promise.all(
      times(uploadsAtOnce).map(() => beginRequest(page, '/convert', { body: openForm('a.png') })),
    )
    await expect.poll(() => uploadStatus(page), patient).toBe(503)
    const preview = () => {
      const form = new FormData()
      form.set('to', 'webp')
      form.set('file', new Blob([new Uint8Array(gradient(8, 8))]), 'a.png')
      return openCaller(page).get('/preview', { method: 'POST', body: form })
    }
    for (const _ of times(4)) expect((await preview()).status).toBe(503)
    for (const upload of uploads) upload.destroy()
    await expect.poll(() => uploadStatus(page), patient).toBe(400)
    expect((await preview()).status).toBe(200)
    // An aborted upload is no reason for anything but lines of JSON.
    for (const line of page.log) expect(() => JSON.parse(line)).not.toThrow()
  })

  describeOnPostgres('while PostgreSQL is slow', () => {
    const postgres = usePostgres()

    /** A page whose statements on that table wait until the function `unlock` has resolved. */
    async function pageWithLock(table: string) {
      const schema = postgres.newSchema()
      const own = await folder.start({
        HERALD_WEB_RECORDS: `${postgres.server.url}?schema=${schema}`,
        HERALD_WEB_RESULTS: `file://${folder.data}/${schema}`,
      })
      const { query } = postgres.server
      const lock = async () => {
        const held = `begin; lock table ${schema}.${table}; select pg_sleep(60)`
        void query(held).catch(() => {})
        const holders = "select count(*) from pg_stat_activity where query like '%pg_sleep(60)'"
        await expect.poll(() => query(holders), patient).toBe('1')
      }
      const unlock = () =>
        query(
          "select pg_terminate_backend(pid) from pg_stat_activity where query like '%pg_sleep(60)'",
        )
      return { own, lock, unlock }
    }

    test('is an upload that did not arrive, not a converter that cannot be reached', async () => {
      const { own, lock, unlock } = await pageWithLock('run')
      const caller = openCaller(own)
      await caller.get('/')
      const cookie = caller.cookie()
      await lock()
      const uploads = await Promise.all(
        times(uploadsAtOnce).map((_, at) =>
          beginRequest(own, '/convert', { cookie, body: openForm(`${at}.png`) }),
        ),
      )
      await expect.poll(() => uploadStatus(own), patient).toBe(503)
      for (const upload of uploads) upload.destroy()
      await expect.poll(() => uploadStatus(own), patient).toBe(400)
      await unlock()
      const html = async () => (await caller.get('/')).text()
      const failed = async () => (await html()).match(/class="row failed"/g)
      await expect.poll(failed, patient).toHaveLength(uploadsAtOnce)
      expect((await html()).match(/The upload did not arrive completely/g)).toHaveLength(
        uploadsAtOnce,
      )
    })

    test('no longer counts as an open page', async () => {
      const { own, lock, unlock } = await pageWithLock('conversion')
      const caller = openCaller(own)
      const picture = { name: 'a.png', content: gradient(8, 8) }
      const { token } = await caller.convert({ to: 'webp' }, picture)
      await lock()
      const events = `/c/${token}/events`
      // As many as may be open.
      for (let opened = 0; opened < 1000; opened += 100) {
        const requests = await Promise.all(times(100).map(() => beginRequest(own, events)))
        for (const each of requests) each.destroy()
      }
      await unlock()
      const stop = new AbortController()
      const { status } = await caller.get(events, { signal: stop.signal })
      stop.abort()
      expect(status).toBe(200)
    })
  })
})
