import { createHash, randomInt, randomUUID } from 'node:crypto'
import { rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as after } from 'node:timers/promises'
import { describeOnPostgres, usePostgres } from '@herald/postgres/use-postgres'
import { eventTypes } from '@herald/proto/events'
import { openBlobStore } from '@herald/runtime/blobs'
import { noS3Server, type S3Server, startS3Server } from '@herald/runtime/test/s3-server'
import { afterAll, beforeAll, describe, expect, onTestFinished, test, vi } from 'vitest'
import { beginRequest, openForm } from './begin-request.js'
import { endMails } from './end-mails.js'
import { gradient } from './pictures.js'
import { readTopic } from './read-topic.js'
import { type RealConverter, startConverter } from './real-converter.js'
import { openCaller, openWebFolder, type WebFolder, type WebPage } from './web-page.js'

type Caller = ReturnType<typeof openCaller>

const picture = { name: 'harbour.png', content: gradient(320, 200) }
/** The lease of an instance that is gone has to end first. */
const patient = { timeout: 40_000, interval: 100 }
const sha256 = (bytes: ArrayBuffer) =>
  createHash('sha256').update(new Uint8Array(bytes)).digest('hex')

describeOnPostgres('on PostgreSQL', () => {
  const postgres = usePostgres()
  describe.skipIf(noS3Server !== '')(
    `two instances of the page${noS3Server}`,
    { timeout: 90_000 },
    suite,
  )

  function suite() {
    let converter: RealConverter
    let s3: S3Server
    beforeAll(async () => {
      converter = await startConverter()
      s3 = await startS3Server()
      Object.assign(process.env, s3.credentials)
    })
    afterAll(async () => {
      await converter?.close()
      await s3?.close()
    })

    /** Two machines: a data folder each, and one broker, database and bucket. */
    async function machines(env: Record<string, string> = {}, use = converter) {
      const folders = [await openWebFolder(use.address), await openWebFolder(use.address)] as const
      for (const folder of folders) onTestFinished(() => folder.close())
      const results = await s3.bucket(`pages-${randomUUID()}`)
      const schema = postgres.newSchema()
      const { brokerUrl } = folders[0]
      const shared = {
        HERALD_BROKER: brokerUrl,
        HERALD_WEB_RECORDS: `${postgres.server.url}?schema=${schema}`,
        HERALD_WEB_RESULTS: results,
        ...s3.credentials,
        ...env,
      }
      const start = (folder: WebFolder, more = {}) => folder.start({ ...shared, ...more })
      const store = await openBlobStore(results)
      onTestFinished(() => store.close())
      const keys = async () => {
        const found: string[] = []
        for await (const { key } of store.list('')) found.push(key)
        return found
      }
      return { folders, brokerUrl, schema, start, keys }
    }
    const startBoth = async (...given: Parameters<typeof machines>) => {
      const { folders, start, ...rest } = await machines(...given)
      const [one, other] = await Promise.all([start(folders[0]), start(folders[1])])
      return { ...rest, folders, start, one, other }
    }
    /** A converter that may stand still when the test ends. */
    const startStoppable = async () => {
      const own = await startConverter()
      onTestFinished(() => {
        own.signal('SIGCONT')
        return own.close()
      })
      return own
    }
    /** Sends a file that stays in conversion as long as the converter stands still; resolves to its token. */
    const sendOne = async (page: WebPage, caller: Caller, name = 'harbour.png') => {
      await caller.get('/')
      void caller
        .send({ to: 'webp', notify: 'ada@example.com' }, { ...picture, name })
        .catch(() => {})
      const own = openCaller(page, caller.cookie())
      return vi.waitFor(async () => {
        const html = await (await own.get('/')).text()
        const [, token] = /class="row converting" id="c-([\w-]{22})"/.exec(html) ?? []
        if (!token) throw new Error('not begun yet')
        return token
      }, patient)
    }
    const pageOf = (page: WebPage, token: string) =>
      openCaller(page)
        .get(`/c/${token}`)
        .then((response) => response.text())
    const eventsOf = async (brokerUrl: string, token: string) =>
      (await readTopic(brokerUrl)).filter(({ event }) => event.data.pageUrl.endsWith(token))
    const idsOf = async (brokerUrl: string, token: string) => [
      ...new Set((await eventsOf(brokerUrl, token)).map(({ envelope }) => envelope.id)),
    ]

    /** What a server sends as events, until the test ends. */
    async function follow(page: WebPage, path: string, cookie: string) {
      const stop = new AbortController()
      onTestFinished(() => stop.abort())
      const response = await openCaller(page, cookie).get(path, { signal: stop.signal })
      let text = ''
      void (async () => {
        for await (const chunk of response.body ?? []) text += Buffer.from(chunk).toString()
      })().catch(() => {})
      return () => text
    }

    test('a job taken by one is seen, followed and downloaded at the other, also when the first is gone', async () => {
      const { one, other, brokerUrl } = await startBoth()
      const caller = openCaller(one)
      await caller.get('/')
      const heard = await follow(other, '/events', caller.cookie())
      const { token } = await caller.convert({ to: 'webp', notify: 'ada@example.com' }, picture)
      await vi.waitFor(() => {
        expect(heard()).toMatch(/event: record\ndata: .*"state":"converting"/)
        expect(heard()).toMatch(/event: progress/)
        expect(heard()).toMatch(/event: record\ndata: .*"state":"converted"/)
      }, patient)
      const event = await vi.waitFor(async () => {
        const [found] = await eventsOf(brokerUrl, token)
        if (found?.event.type !== eventTypes.fileConverted) throw new Error('not announced yet')
        return found.event
      }, patient)
      await one.stop('SIGKILL')

      const there = openCaller(other, caller.cookie())
      expect(await (await there.get('/')).text()).toContain(`id="c-${token}"`)
      expect(await pageOf(other, token)).toContain('result converted')
      const path = `/c/${token}/files/harbour.webp`
      const file = await there.get(path)
      const content = await file.arrayBuffer()
      expect(sha256(content)).toBe(event.data.renditions[0]?.sha256)
      const part = await there.get(path, { headers: { Range: 'bytes=4-7' } })
      expect([part.status, part.headers.get('content-range')]).toEqual([
        206,
        `bytes 4-7/${content.byteLength}`,
      ])
      expect(await part.arrayBuffer()).toEqual(content.slice(4, 8))
      expect((await there.get('/all.zip')).status).toBe(200)
      expect((await there.get(`/c/${token}/preview`)).headers.get('content-type')).toMatch(/^image/)
      // The mail's outcome reaches the page that is left.
      await endMails(brokerUrl)
      await vi.waitFor(async () => {
        expect(await pageOf(other, token)).toContain('250 2.0.0 Ok')
      }, patient)
      expect(await idsOf(brokerUrl, token)).toHaveLength(1)
    })

    test('a job whose instance is gone before it was converted has failed, and that is announced once', async () => {
      const own = await startStoppable()
      const { one, other, brokerUrl, keys, folders, start } = await startBoth({}, own)
      own.signal('SIGSTOP')
      const token = await sendOne(other, openCaller(one))
      expect(await pageOf(other, token)).toContain('result converting')
      await one.stop('SIGKILL')
      own.signal('SIGCONT')
      await vi.waitFor(async () => {
        expect(await pageOf(other, token)).toContain(
          'The service was restarted. Send the file again.',
        )
      }, patient)
      await vi.waitFor(async () => {
        const [event] = await eventsOf(brokerUrl, token)
        expect(event?.event.type).toBe(eventTypes.conversionFailed)
      }, patient)
      const again = await start(folders[0])
      expect(await pageOf(again, token)).toContain('result failed')
      expect(await idsOf(brokerUrl, token)).toHaveLength(1)
      expect(await keys()).toEqual([])
    })

    test('an instance that stood still and goes on ends nothing that another one has ended', async () => {
      const own = await startStoppable()
      const { one, other, brokerUrl, keys } = await startBoth({}, own)
      own.signal('SIGSTOP')
      const token = await sendOne(other, openCaller(one))
      process.kill(one.pid, 'SIGSTOP')
      await vi.waitFor(async () => {
        expect(await pageOf(other, token)).toContain('result failed')
      }, patient)
      process.kill(one.pid, 'SIGCONT')
      own.signal('SIGCONT')
      // It works again, and has received the result of the conversion.
      await openCaller(one).convert({ to: 'webp' }, picture)
      expect(await one.stop()).toBe(0)
      expect(await pageOf(other, token)).toContain('result failed')
      expect((await keys()).filter((key) => key.startsWith(token))).toEqual([])
      const events = await eventsOf(brokerUrl, token)
      expect(new Set(events.map(({ event }) => event.type))).toEqual(
        new Set([eventTypes.conversionFailed]),
      )
      expect(await idsOf(brokerUrl, token)).toHaveLength(1)
    })

    test('an announcement that was only in the outbox of a lost machine is made by the other, as the same event', async () => {
      const { folders, brokerUrl, schema, start } = await machines()
      // A file where the broker's folder should be.
      const blocked = join(folders[0].data, 'broker')
      await writeFile(blocked, '')
      const [one, other] = [await start(folders[0]), await start(folders[1])]
      const { token } = await openCaller(one).convert(
        { to: 'webp', notify: 'ada@example.com' },
        picture,
      )
      // The page shows the file a moment before the announcement is in the outbox.
      const entryId = `record #>> '{announcement,entryId}'`
      await vi.waitFor(async () => {
        const entry = await postgres.server.query(`select ${entryId} from ${schema}.conversion`)
        expect(entry).not.toBe('')
      }, patient)
      await one.stop('SIGKILL')
      await rm(blocked)
      const [id] = await vi.waitFor(async () => {
        const ids = await idsOf(brokerUrl, token)
        if (ids.length === 0) throw new Error('not announced yet')
        return ids
      }, patient)
      await vi.waitFor(async () => {
        expect(await pageOf(other, token)).toContain('being sent')
      }, patient)
      // The machine comes back with its outbox, and publishes what it has.
      await start(folders[0])
      await vi.waitFor(async () => {
        expect(await eventsOf(brokerUrl, token)).toHaveLength(2)
      }, patient)
      expect(await idsOf(brokerUrl, token)).toEqual([id])
    })

    test('files that were named to one are uploaded to the other, cancelled at the other, and counted together', async () => {
      const { one, other } = await startBoth({ HERALD_WEB_FILES: '3' })
      const caller = openCaller(one)
      await caller.get('/')
      const there = openCaller(other, caller.cookie())
      const fields = { to: 'webp', run: 'run-of-three', count: '3' }
      const files = ['first', 'second', 'third'].map((key) => ({ key, name: `${key}.png` }))
      const post = (at: typeof caller, path: string, body: unknown) =>
        at.get(path, { method: 'POST', body: JSON.stringify(body) })
      expect(await (await post(caller, '/expect', { fields, files })).json()).toEqual({
        refused: {},
      })
      const file = { name: 'first.png', content: picture.content }
      await there.convert({ ...fields, key: 'first' }, file)
      await post(there, '/leave', { keys: ['second'] })
      const html = await (await caller.get('/')).text()
      expect(html.match(/class="row \w+"/g)?.sort()).toEqual([
        'class="row converted"',
        'class="row converting"',
        'class="row failed"',
      ])
      const late = await caller.send({ ...fields, key: 'second' }, file)
      expect(late.status).toBe(400)
      // The three named ones have been counted.
      for (const at of [caller, there]) {
        expect((await at.send({ to: 'webp' }, picture)).status).toBe(429)
      }
    })

    test('a conversion is cancelled, deleted and restored at either', async () => {
      const own = await startStoppable()
      const { one, other, keys } = await startBoth({}, own)
      const caller = openCaller(one)
      const { token } = await caller.convert({ to: 'webp' }, picture)
      const there = openCaller(other, caller.cookie())
      const file = `/c/${token}/files/harbour.webp`
      const statuses = () =>
        Promise.all([caller, there].map(async (at) => (await at.get(file)).status))
      await there.get(`/c/${token}/remove`, { method: 'POST' })
      expect(await statuses()).toEqual([404, 404])
      await caller.get(`/c/${token}/restore`, { method: 'POST' })
      expect(await statuses()).toEqual([200, 200])

      own.signal('SIGSTOP')
      const heard = await follow(one, '/events', caller.cookie())
      const running = await sendOne(other, caller, 'other.png')
      await there.get(`/c/${running}/remove`, { method: 'POST' })
      await vi.waitFor(() => {
        expect(heard()).toMatch(new RegExp(`event: removed\ndata: .*${running}`))
      }, patient)
      own.signal('SIGCONT')
      // Nothing is left to wait for.
      expect(await one.stop()).toBe(0)
      expect((await there.get(`/c/${running}`)).status).toBe(404)
      expect((await keys()).filter((key) => key.startsWith(running))).toEqual([])
    })

    test('an upload that breaks off with its instance has failed; the browser can send the rest to the other', async () => {
      const { one, other } = await startBoth()
      const caller = openCaller(one)
      await caller.get('/')
      const there = openCaller(other, caller.cookie())
      const fields = { to: 'webp', run: 'run-of-two', count: '2' }
      const files = ['half', 'whole'].map((key) => ({ key, name: `${key}.png` }))
      await caller.get('/expect', { method: 'POST', body: JSON.stringify({ fields, files }) })
      const body = openForm('file', { ...fields, key: 'half', name: 'half.png' })
      await beginRequest(one, '/convert', { cookie: caller.cookie(), body })
      const html = async () => (await there.get('/')).text()
      await vi.waitFor(async () => {
        expect((await html()).match(/>Waiting</g)).toHaveLength(1)
      }, patient)
      await one.stop('SIGKILL')
      await there.convert({ ...fields, key: 'whole' }, { ...picture, name: 'whole.png' })
      await vi.waitFor(async () => {
        expect((await html()).match(/class="row \w+"/g)?.sort()).toEqual([
          'class="row converted"',
          'class="row failed"',
        ])
      }, patient)
    })

    test('a file is announced if and only if its page has it, whichever instance is killed when', async () => {
      const { folders, brokerUrl, start, keys } = await machines()
      const pages = [await start(folders[0]), await start(folders[1])]
      const tokens: string[] = []
      const kills = 6
      for (let kill = 0; kill < kills; kill += 1) {
        const sent = pages.map(async (page, at) => {
          const file = { ...picture, name: `${kill}-${at}.png` }
          const response = await openCaller(page).send(
            { to: 'webp', notify: 'ada@example.com' },
            file,
          )
          tokens.push(((await response.json()) as { token: string }).token)
        })
        const settled = Promise.allSettled(sent)
        // Any moment is as good as another.
        await Promise.race([settled, after(randomInt(1500))])
        await after(randomInt(120))
        const victim = kill % 2
        await pages[victim]?.stop('SIGKILL')
        await settled
        pages[victim] = await start(folders[victim] as WebFolder)
      }
      const [one, other] = pages as [WebPage, WebPage]
      const events = await vi.waitFor(async () => {
        const found = await readTopic(brokerUrl)
        for (const token of tokens) {
          if (!found.some(({ event }) => event.data.pageUrl.endsWith(token))) {
            throw new Error('not everything is announced yet')
          }
        }
        for (const key of await keys()) {
          if (!found.some(({ event }) => event.data.pageUrl.endsWith(key.split('/')[0] ?? ''))) {
            throw new Error('a result is not announced yet')
          }
        }
        return found
      }, patient)
      const converted: string[] = []
      for (const { event } of events) {
        const { pathname } = new URL(event.data.pageUrl)
        const token = pathname.slice('/c/'.length)
        if (event.type !== eventTypes.fileConverted) {
          expect(await pageOf(one, token)).toContain('result failed')
          continue
        }
        converted.push(token)
        expect(await pageOf(other, token)).toContain('result converted')
        for (const { url, sha256: expected } of event.data.renditions) {
          const file = await openCaller(other).get(new URL(url ?? '').pathname)
          expect(sha256(await file.arrayBuffer())).toBe(expected)
        }
      }
      const ids = new Set(events.map(({ envelope }) => envelope.id))
      expect(ids.size).toBe(new Set(events.map(({ event }) => event.data.conversionId)).size)
      console.log(`${kills} kills, ${tokens.length} answered, ${ids.size} announced`)
      for (const key of await keys()) expect(converted).toContain(key.split('/')[0])
    })

    test('without PostgreSQL pages are refused for a while, and a conversion under way ends when it is back', async () => {
      const own = await startStoppable()
      const { one } = await startBoth({}, own)
      own.signal('SIGSTOP')
      const caller = openCaller(one)
      const token = await sendOne(one, caller)
      await postgres.server.kill()
      onTestFinished(() => postgres.server.start())
      const refused = await caller.get('/', { headers: { Accept: 'application/json' } })
      expect([refused.status, refused.headers.get('retry-after')]).toEqual([503, '2'])
      await vi.waitFor(async () => {
        const ready = await fetch(`${one.probes}/readyz`)
        expect([ready.status, await ready.text()]).toEqual([
          503,
          expect.stringContaining('the records cannot be used: PostgreSQL at '),
        ])
      }, patient)
      own.signal('SIGCONT')
      await vi.waitFor(() => {
        expect(one.log.join()).toContain('the end of a conversion could not be recorded')
      }, patient)
      await postgres.server.start()
      await vi.waitFor(async () => {
        expect(await pageOf(one, token)).toContain('result converted')
      }, patient)
      await vi.waitFor(() => {
        expect(one.log.join()).toContain('the lease of this instance is renewed again')
      }, patient)
    })

    test('without the S3 server downloads are refused for a while, conversions fail, and no page starts', async () => {
      const { one, folders, start } = await startBoth()
      const caller = openCaller(one)
      const { token } = await caller.convert({ to: 'webp' }, picture)
      await s3.stop()
      const path = `/c/${token}/files/harbour.webp`
      expect((await caller.get(path)).status).toBe(503)
      const { html } = await caller.convert({ to: 'webp' }, picture)
      expect(html).toContain('The service cannot save files at the moment. Try again later.')
      const starting = start(folders[1])
      await expect(starting).rejects.toThrow(/^s3:.* cannot be reached \(ECONNREFUSED\)\. Check /m)
      await expect(starting).rejects.not.toThrow('BlobError')
      await s3.start()
      expect((await caller.get(path)).status).toBe(200)
    })

    test('rows of runs are deleted when their time is over, however many they are', async () => {
      const { folders, schema, start } = await machines({ HERALD_WEB_KEEP: '1h' })
      await (await start(folders[0])).stop()
      const { query } = postgres.server
      await query(
        `insert into ${schema}.run (run_token, run_id, owner, created_at)
          select 'run-' || n, 'r', 'o', now() - interval '2 hours' from generate_series(1, 1200) n`,
      )
      // Else the next instance waits a minute for its turn.
      await query(`delete from ${schema}.turn`)
      await start(folders[0])
      await expect.poll(() => query(`select count(*) from ${schema}.run`), patient).toBe('0')
    })

    test('what is over its time is removed once, with its files', async () => {
      const { one, other, keys } = await startBoth({ HERALD_WEB_KEEP: '3s' })
      const sent = [one, one, other].map((page) => openCaller(page).send({ to: 'webp' }, picture))
      const tokens = await Promise.all(
        sent.map(async (response) => ((await (await response).json()) as { token: string }).token),
      )
      await vi.waitFor(async () => {
        for (const page of [one, other]) {
          for (const token of tokens) {
            expect((await openCaller(page).get(`/c/${token}`)).status).toBe(404)
          }
        }
      }, patient)
      expect(await keys()).toEqual([])
      const removed = [...one.log, ...other.log].map((line) =>
        Number(/"removed":(\d+)/.exec(line)?.[1] ?? 0),
      )
      expect(removed.reduce((sum, count) => sum + count, 0)).toBe(3)
    })
  }
})
