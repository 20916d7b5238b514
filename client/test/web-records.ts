import type { Message } from '@herald/broker'
import { describe, expect, onTestFinished, test } from 'vitest'
import { announcementOf, newRecord } from '../src/web/conversion-facts.js'
import type { ConversionRecord } from '../src/web/record.js'
import { newToken, type Records } from '../src/web/records.js'

/** A place for records, empty at first. */
export interface RecordsPlace {
  /** One more instance, closed by the test. */
  open(): Promise<Records>
  /** Makes the instance that holds them one that ended without closing. */
  killHolderOf(records: Records, tokens: readonly string[]): Promise<void>
}

const message: Message = {
  key: 'ada@example.com',
  value: Buffer.from([0, 1, 255]),
  headers: { ce_id: Buffer.from('e1') },
}

/** What every store of records does. */
export function describeRecords(name: string, newPlace: () => Promise<RecordsPlace>): void {
  describe(`records of the page: ${name}`, { timeout: 60_000 }, () => {
    const open = async (place?: RecordsPlace) => {
      const records = await (place ?? (await newPlace())).open()
      onTestFinished(() => records.close())
      return records
    }
    const request = { runToken: 'run', runId: 'r', folder: '', recipient: '', language: 'en' }
    const recordOf = (records: Records, changes: Partial<ConversionRecord> = {}) => ({
      ...newRecord(
        { ...request, owner: 'ada', key: newToken(), spec: { format: 'webp' } } as never,
        'harbour.png',
        records,
      ),
      ...changes,
    })
    const put = async (records: Records, changes: Partial<ConversionRecord> = {}) => {
      const record = recordOf(records, changes)
      await records.put(record)
      return record
    }
    const announcement = (id: string) => announcementOf({ id, recipient: '', message }, 1)
    const tokens = (records: readonly ConversionRecord[]) => records.map(({ token }) => token)
    const files = [{ name: 'harbour.webp', sizeBytes: 1000 }] as never

    test('a record comes back as it was put, and is found by its browser and its run', async () => {
      const records = await open()
      const now = Date.now()
      const first = await put(records, { createdAtMs: now, name: 'ü "1" \\u0000 \n 文件.png' })
      const second = await put(records, { createdAtMs: now + 1 })
      await put(records, { owner: 'grace', runToken: 'other' })
      expect(await records.get(first.token)).toEqual(first)
      expect(await records.get('nothing')).toBeUndefined()
      expect(tokens(await records.ofOwner('ada'))).toEqual([second.token, first.token])
      expect(tokens(await records.ofOwner('ada', 1))).toEqual([second.token])
      expect(tokens(await records.ofRun('run'))).toEqual([first.token, second.token])
    })

    test('any text can be in a record', async () => {
      const records = await open()
      const { token } = await put(records, { name: 'a\0b\ud800c.png' })
      expect((await records.get(token))?.name).toMatch(/^a.b.+c\.png$/su)
    })

    test('a run has one id, whichever instance asks first', async () => {
      const place = await newPlace()
      const records = await open(place)
      const runs = await Promise.all([1, 2, 3].map(() => records.run('run', 'ada')))
      expect(new Set(runs.map(({ runId }) => runId)).size).toBe(1)
      expect(runs[0]?.owner).toBe('ada')
    })

    test('a conversion ends once, with all that belongs to it', async () => {
      const records = await open()
      const { token } = await put(records)
      const ended = await records.finish(
        token,
        { state: 'converted', files, finishedAtMs: 5, announcement: announcement('e1') },
        { preview: Buffer.from('picture'), message },
      )
      expect(ended).toMatchObject({ state: 'converted', announcement: { eventId: 'e1' } })
      expect(await records.get(token)).toEqual(ended)
      expect(Buffer.from((await records.preview(token)) ?? []).toString()).toBe('picture')
      const kept = await records.message(token)
      expect(kept).toEqual({ ...message, value: expect.anything(), headers: expect.anything() })
      expect(Buffer.from(kept?.value ?? [])).toEqual(message.value)
      expect(Buffer.from(kept?.headers['ce_id'] ?? []).toString()).toBe('e1')
      const again = await records.finish(token, { state: 'failed' }, {})
      expect(again).toBeUndefined()
      expect((await records.get(token))?.state).toBe('converted')
    })

    test('a conversion that was removed cannot end', async () => {
      const records = await open()
      const record = await put(records)
      await records.remove(record)
      expect(await records.finish(record.token, { state: 'converted' }, {})).toBeUndefined()
      expect(await records.change(record.token, { state: 'converted' })).toBeUndefined()
      expect(await records.get(record.token)).toBeUndefined()
    })

    test('an announcement changes until it is published; then its message goes', async () => {
      const records = await open()
      const { token } = await put(records)
      await records.finish(
        token,
        { state: 'converted', announcement: announcement('e1') },
        { message },
      )
      const changed = await records.changeAnnouncement(token, { entryId: 'e1', lastFault: 'away' })
      expect(changed?.announcement).toMatchObject({
        entryId: 'e1',
        eventId: 'e1',
        lastFault: 'away',
      })
      expect(await records.message(token)).toBeDefined()
      await records.changeAnnouncement(token, { publishedAtMs: 7, lastFault: '' })
      expect(await records.message(token)).toBeUndefined()
      expect(await records.changeAnnouncement(token, { lastFault: 'late' })).toBeUndefined()
      const { announcement: published } = (await records.get(token)) ?? {}
      expect(published).toMatchObject({ publishedAtMs: 7, lastFault: '' })
    })

    test('the outcome of a mail is added to the record of its event', async () => {
      const records = await open()
      const { token } = await put(records)
      await records.finish(token, { state: 'converted', announcement: announcement('e1') }, {})
      const mail = { state: 'mailed', reply: '250 OK', attempts: 1, atMs: 9 } as const
      expect(await records.addOutcome('e1', mail)).toMatchObject({ token, mail })
      expect((await records.get(token))?.mail).toEqual(mail)
      expect(await records.addOutcome('another', mail)).toBeUndefined()
    })

    test('those that ended, or were deleted, before a time are found; a deletion can be undone', async () => {
      const records = await open()
      const old = await put(records, { state: 'converted', finishedAtMs: 10, files })
      const recent = await put(records, { state: 'failed', finishedAtMs: 30 })
      await put(records)
      expect(tokens(await records.expired(20))).toEqual([old.token])
      await records.change(recent.token, { deletedAtMs: 40 })
      expect(await records.deleted(40)).toEqual([])
      expect(tokens(await records.deleted(41))).toEqual([recent.token])
      expect((await records.change(recent.token, { deletedAtMs: null }))?.deletedAtMs).toBeFalsy()
      expect(await records.deleted(41)).toEqual([])
    })

    test('the size of all results is known', async () => {
      const records = await open()
      const record = await put(records, { state: 'converted', finishedAtMs: 1, files })
      await put(records, { state: 'converted', finishedAtMs: 1, files })
      expect(await records.bytesStored()).toBe(2000)
      await records.remove(record)
      await expect.poll(() => records.bytesStored(), { timeout: 10_000 }).toBe(1000)
    })

    test('an expected file is taken by one upload', async () => {
      const records = await open()
      const { token, owner, key } = await put(records, { isExpected: true })
      const [one, other] = await Promise.all([
        records.takeExpected(owner, key, true),
        records.takeExpected(owner, key, true),
      ])
      expect([one, other].filter((each) => each === undefined)).toHaveLength(1)
      expect(one ?? other).toMatchObject({ token, isExpected: false, holder: records.instance })
      expect(await records.takeExpected('grace', key, true)).toBeUndefined()
      // A browser may name a file twice.
      const twice = [1, 2].map(() => put(records, { isExpected: true, key: 'twice' }))
      await Promise.all(twice)
      const first = await records.takeExpected(owner, 'twice', true)
      const second = await records.takeExpected(owner, 'twice', true)
      expect(first).not.toEqual(second)
      expect([first, second]).not.toContain(undefined)
      expect(await records.takeExpected(owner, 'twice', true)).toBeUndefined()
    })

    test('an upload of a file that was ended or removed is refused', async () => {
      const records = await open()
      const ended = await put(records, { isExpected: true })
      const { owner } = ended
      expect(await records.takeExpected(owner, ended.key, false)).toMatchObject({
        token: ended.token,
      })
      expect(await records.takeExpected(owner, ended.key, true)).toBe('ended')
      expect(await records.takeExpected(owner, ended.key, false)).toBeUndefined()
      const removed = await put(records, { isExpected: true })
      await records.remove(removed)
      expect(await records.takeExpected(owner, removed.key, true)).toBe('ended')
    })

    test('expected files of an idle run are taken to be ended, those of an active one are not', async () => {
      const records = await open()
      await records.run('idle', 'ada')
      await records.run('active', 'ada')
      const idle = await put(records, { isExpected: true, runToken: 'idle' })
      const { key } = idle
      const twice = await put(records, { isExpected: true, runToken: 'idle', key })
      await put(records, { isExpected: true, runToken: 'active' })
      await put(records, { runToken: 'idle' })
      expect(await records.takeIdle(60_000)).toEqual([])
      let taken: ConversionRecord[] = []
      await expect
        .poll(
          async () => {
            await records.keepActive(['active'])
            taken = [...taken, ...(await records.takeIdle(300))]
            return taken.length
          },
          { timeout: 10_000 },
        )
        .toBe(2)
      expect(tokens(taken).sort()).toEqual(tokens([idle, twice]).sort())
      expect(await records.takeExpected('ada', key, true)).toBe('ended')
    })

    test('what a process that is gone left is taken over, and what one that runs holds is not', async () => {
      const place = await newPlace()
      const records = await open(place)
      const running = await put(records)
      const unfinished = await put(records)
      const done = await put(records, { state: 'converted', finishedAtMs: 1 })
      const unannounced = await put(records)
      await records.finish(
        unannounced.token,
        { state: 'converted', announcement: announcement('e1') },
        { message },
      )
      await place.killHolderOf(records, tokens([unfinished, done, unannounced]))
      const other = await open(place)
      let taken: ConversionRecord[] = []
      await expect
        .poll(
          async () => {
            taken = [...taken, ...(await other.takeOver(() => false))]
            return taken.length
          },
          { timeout: 30_000, interval: 100 },
        )
        .toBe(2)
      expect(tokens(taken).sort()).toEqual(tokens([unfinished, unannounced]).sort())
      expect(taken.every(({ holder }) => holder === other.instance)).toBe(true)
      expect(await other.takeOver(() => false)).toEqual([])
      expect((await other.get(running.token))?.holder).toBe(records.instance)
      // The former holder, if it is only slow, ends nothing that it does not hold.
      expect(await records.finish(unfinished.token, { state: 'converted' }, {})).toBeUndefined()
      expect(await other.finish(unfinished.token, { state: 'failed' }, {})).toBeDefined()
    })

    test('counts go up to their end, and begin again', async () => {
      const records = await open()
      expect(await records.count('files', 60_000)).toMatchObject({ count: 1 })
      const { count, leftMs } = await records.count('files', 60_000)
      expect(count).toBe(2)
      expect(leftMs).toBeGreaterThan(50_000)
      expect(leftMs).toBeLessThanOrEqual(60_000)
      expect((await records.count('mails', 60_000)).count).toBe(1)
      await records.count('short', 1)
      await expect.poll(async () => (await records.count('short', 1)).count).toBe(1)
    })

    test('what is older goes, however much it is', async () => {
      const records = await open()
      // More than one call deletes.
      const names = Array.from({ length: 501 }, (_, at) => `old-${at}`)
      const runIds = () =>
        Promise.all(names.map((name) => records.run(name, 'ada').then(({ runId }) => runId)))
      const old = await runIds()
      expect(await records.deleteOlder(Date.now() - 60_000)).toBe(false)
      expect(await runIds()).toEqual(old)
      const isMore = () => records.deleteOlder(Date.now() + 60_000)
      expect(await isMore()).toBe(true)
      expect(await isMore()).toBe(false)
      const remaining = new Set(await runIds())
      expect(old.filter((runId) => remaining.has(runId))).toEqual([])
    })

    test('the installation has one name, also after a restart', async () => {
      const place = await newPlace()
      const first = await place.open()
      await first.close()
      const second = await open(place)
      expect(second.installation).toBe(first.installation)
      expect(second.instance).not.toBe(first.instance)
    })
  })
}
