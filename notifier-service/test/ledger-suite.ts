import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import type { DigestRule, KeptDelivery } from '#src/ledger/lanes'
import type { Ledger } from '#src/ledger/ledger'
import { type MailIdentity, maxHistory } from '#src/ledger/mail-record'

export type Holder = 'this' | 'other' | 'gone'

export interface LedgerUnderTest {
  /** The ledger as a holder sees it: this process, another live one, or one that is gone. */
  open(holder: Holder, digests: DigestRule): Promise<Ledger>
  /** Deletes the ledger; called after each test, when all are closed. */
  remove(): Promise<void>
}

const mail: MailIdentity = {
  eventIds: ['one'],
  recipient: 'ada@example.com',
  from: 'Herald <herald@localhost>',
  messageId: '<one@localhost>',
  template: '1/en',
}
const event = { id: 'one', source: '//test' }
const deliveryOf = (id: string): KeptDelivery => ({
  topic: 'notifications',
  position: '3/9007199254740993',
  partition: 3,
  offset: '9007199254740993',
  key: 'ada@example.com',
  value: Uint8Array.of(0, 255, 10),
  headers: { ce_id: Buffer.from(id), raw: Uint8Array.of(0xfe) },
  publishedAt: new Date(1_769_860_800_123),
})
const kept = (id: string) => ({
  event: { id, source: '//test' },
  mail: { ...mail, eventIds: [id], messageId: `<${id}@localhost>` },
  delivery: deliveryOf(id),
})
const now = { nextAttemptAt: 0, behindOnly: false }
const behind = { nextAttemptAt: 0, behindOnly: true }

/** Closes no digest within a test by time. */
const patient: DigestRule = {
  quietMs: 600_000,
  maxMs: 600_000,
  latestMs: 600_000,
  maxEvents: 500,
  maxBytes: 1e6,
}
const ofRun = (id: string, runSize: number) => ({ ...kept(id), lane: 'lane', run: 'run', runSize })

/** Tests the contract of Ledger. */
export function ledgerSuite(name: string, create: () => Promise<LedgerUnderTest>): void {
  describe(name, () => {
    let under: LedgerUnderTest
    let opened: Ledger[]
    const open = async (holder: Holder = 'this', digests = patient) => {
      const ledger = await under.open(holder, digests)
      opened.push(ledger)
      return ledger
    }
    beforeEach(async () => {
      under = await create()
      opened = []
    })
    afterEach(async () => {
      await Promise.all(opened.map((ledger) => ledger.close()))
      await under.remove()
    })

    test('has no record of a new event', async () => {
      const ledger = await open()
      expect(await ledger.find(event)).toBeUndefined()
      expect(await ledger.findById('one')).toEqual([])
    })

    test('a mail is attempting once begun, and accepted once settled', async () => {
      const ledger = await open()
      await ledger.begin(event, mail)
      expect(await ledger.find(event)).toMatchObject({ ...mail, state: 'attempting', attempts: 0 })
      const record = await ledger.settle(event, mail, { state: 'accepted', reply: '250 ok' })
      expect(record).toMatchObject({ state: 'accepted', attempts: 1, reply: '250 ok' })
      expect(await ledger.find(event)).toEqual(record)
    })

    test('of many attempts begun at once, one whose mail is settled does not fail the others', async () => {
      const ledger = await open()
      const names = Array.from({ length: 40 }, (_, at) => ({ id: `mail-${at}`, source: '//test' }))
      const settledOne = names[7] as (typeof names)[number]
      await ledger.settle(settledOne, mail, { state: 'accepted', reply: '250 ok' })
      const begun = await Promise.allSettled(names.map((name) => ledger.begin(name, mail)))
      expect(begun.filter(({ status }) => status === 'rejected')).toHaveLength(1)
      expect(begun[7]).toMatchObject({ reason: { name: 'MailNotFree', state: 'accepted' } })
      await ledger.close()
      const later = await open('other')
      const records = await Promise.all(names.map((name) => later.find(name)))
      expect(records.map((record) => record?.state)).toEqual(
        names.map((name) => (name === settledOne ? 'accepted' : 'attempting')),
      )
    })

    test('a failed mail is reopened once for each replay, and no other mail is', async () => {
      const ledger = await open()
      expect(await ledger.reopen(event, '1/7', mail)).toBeUndefined()
      await ledger.settle(event, mail, { state: 'failed', reply: '550 no' })
      await ledger.markDeadLettered(event)
      const reopened = await ledger.reopen(event, '1/7', mail)
      expect(reopened).toMatchObject({ state: 'deferred', attempts: 0, messageId: mail.messageId })
      expect(reopened?.deadLetteredAt).toBeUndefined()
      await ledger.begin(event, mail)
      await ledger.settle(event, mail, { state: 'failed', reply: '550 still no' })
      expect(await ledger.reopen(event, '1/7', mail)).toMatchObject({
        state: 'failed',
        attempts: 1,
      })
      expect(await ledger.reopen(event, '1/9', mail)).toMatchObject({ state: 'deferred' })
      await ledger.begin(event, mail)
      await ledger.settle(event, mail, { state: 'accepted', reply: '250 ok' })
      expect(await ledger.reopen(event, '2/0', mail)).toMatchObject({ state: 'accepted' })
    })

    test('a settled mail is seen by another process, and after a restart', async () => {
      const first = await open()
      await first.begin(event, mail)
      await first.settle(event, mail, { state: 'accepted', reply: '250 ok' })
      expect(await (await open('other')).find(event)).toMatchObject({ state: 'accepted' })
      await first.close()
      expect(await (await open()).find(event)).toMatchObject({ state: 'accepted' })
    })

    test.each(['accepted', 'failed'] as const)(
      'a mail that is %s is not attempted again',
      async (state) => {
        const ledger = await open()
        await ledger.begin(event, mail)
        await ledger.settle(event, mail, { state, reply: '' })
        await expect(ledger.begin(event, mail)).rejects.toMatchObject({
          name: 'MailNotFree',
          state,
        })
      },
    )

    test('a mail that a live process is attempting is not free', async () => {
      await (await open('other')).begin(event, mail)
      const ledger = await open()
      expect(await ledger.find(event)).toMatchObject({ state: 'attempting' })
      await expect(ledger.begin(event, mail)).rejects.toMatchObject({ name: 'MailNotFree' })
    })

    test('a mail that this process is attempting is not free either', async () => {
      const ledger = await open()
      await ledger.begin(event, mail)
      await expect(ledger.begin(event, mail)).rejects.toMatchObject({ name: 'MailNotFree' })
    })

    test('a mail that another live process is attempting, or that is settled, cannot be settled', async () => {
      const holder = await open('other')
      await holder.begin(event, mail)
      const ledger = await open()
      const failed = { state: 'failed', reply: '550' } as const
      await expect(ledger.settle(event, mail, failed)).rejects.toMatchObject({
        name: 'MailNotFree',
      })
      await holder.settle(event, mail, { state: 'accepted', reply: '250' })
      await expect(ledger.settle(event, mail, failed)).rejects.toMatchObject({
        name: 'MailNotFree',
      })
      expect(await ledger.find(event)).toMatchObject({ state: 'accepted', attempts: 1 })
    })

    test('of two processes that begin at once, one succeeds', async () => {
      const [one, other] = [await open('other'), await open()]
      const results = await Promise.allSettled([one.begin(event, mail), other.begin(event, mail)])
      expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(1)
    })

    test('an attempt of a process that is gone is unknown, and may be repeated', async () => {
      await (await open('gone')).begin(event, mail)
      const ledger = await open()
      expect(await ledger.find(event)).toMatchObject({
        state: 'unknown',
        attempts: 1,
        nextAttemptAt: 0,
      })
      await ledger.begin(event, mail)
      expect(await ledger.settle(event, mail, { state: 'accepted', reply: '' })).toMatchObject({
        attempts: 2,
      })
    })

    test('what was fixed before the first attempt stays, whatever a later caller passes', async () => {
      await (await open('gone')).begin(event, mail)
      const ledger = await open()
      const changed = { ...mail, recipient: 'eve@example.com', from: 'x@y', template: '2/fr' }
      await ledger.begin(event, changed)
      expect(await ledger.find(event)).toMatchObject(mail)
    })

    test('attempts are counted, but not those that an outage ended', async () => {
      const ledger = await open()
      const later = { state: 'deferred', reply: '450', nextAttemptAt: 7 } as const
      await ledger.settle(event, mail, later)
      await ledger.settle(event, mail, { ...later, countsAsAttempt: false })
      await ledger.begin(event, mail)
      expect(await ledger.settle(event, mail, { ...later, state: 'unknown' })).toMatchObject({
        state: 'unknown',
        attempts: 2,
        nextAttemptAt: 7,
      })
    })

    test('resends are counted from zero after a replay, and a possibly delivered mail stays so', async () => {
      const lost = { state: 'unknown', reply: '', nextAttemptAt: 0 } as const
      await (await open('gone')).begin(event, mail)
      const ledger = await open()
      expect(await ledger.find(event)).toMatchObject({ unconfirmed: 1, possiblyDelivered: true })
      await ledger.begin(event, mail)
      const twice = await ledger.settle(event, mail, lost)
      expect(twice).toMatchObject({ unconfirmed: 2, possiblyDelivered: true })
      await ledger.begin(event, mail)
      const failed = await ledger.settle(event, mail, { state: 'failed', reply: '550' })
      expect(failed).toMatchObject({ unconfirmed: 2, possiblyDelivered: true })
      const reopened = await ledger.reopen(event, '1/7', mail)
      expect(reopened).toMatchObject({ possiblyDelivered: true })
      expect(reopened?.unconfirmed).toBeUndefined()
    })

    test('a digest with a possibly delivered event is possibly delivered', async () => {
      const ledger = await open()
      await ledger.settle(event, mail, { state: 'unknown', reply: '', nextAttemptAt: 0 })
      await ledger.settle(event, mail, { state: 'failed', reply: '550' })
      await ledger.reopen(event, '1/7', mail)
      await ledger.lanes.gather(ofRun('one', 2))
      await ledger.lanes.gather(ofRun('two', 2))
      expect(await ledger.find(event)).toMatchObject({ possiblyDelivered: true })
      expect((await ledger.find(event))?.events).toHaveLength(2)
    })

    test('the record of a failed mail says when its event was put to the dead letters', async () => {
      const ledger = await open()
      const failed = await ledger.settle(event, mail, { state: 'failed', reply: '550' })
      expect(failed.deadLetteredAt).toBeUndefined()
      await ledger.markDeadLettered(event)
      expect((await ledger.find(event))?.deadLetteredAt).toBeGreaterThan(0)
    })

    test('events of one id and different sources are different mails', async () => {
      const ledger = await open()
      const other = { id: 'one', source: 'x'.repeat(5000) }
      await ledger.settle(event, mail, { state: 'accepted', reply: '' })
      await ledger.settle(other, { ...mail, messageId: '<2@x>' }, { state: 'failed', reply: '' })
      await ledger.settle({ id: 'one2', source: '' }, mail, { state: 'failed', reply: '' })
      expect((await ledger.find(event))?.state).toBe('accepted')
      expect((await ledger.find(other))?.state).toBe('failed')
      const found = await ledger.findById('one')
      expect(found.map(({ state }) => state).sort()).toEqual(['accepted', 'failed'])
    })

    test('pruning drops what is older and keeps the rest, over many records', async () => {
      const ledger = await open()
      const settle = (id: number) =>
        ledger.settle({ id: `event ${id}`, source: '' }, mail, { state: 'accepted', reply: '' })
      const before = await Promise.all(Array.from({ length: 1500 }, (_, id) => settle(id)))
      const border = Math.max(...before.map(({ updatedAt }) => updatedAt)) + 1
      await expect.poll(() => Date.now()).toBeGreaterThanOrEqual(border)
      await Promise.all(Array.from({ length: 700 }, (_, id) => settle(id + 1500)))
      expect(await ledger.prune(border)).toBe(1500)
      expect(await ledger.find({ id: 'event 3', source: '' })).toBeUndefined()
      expect(await ledger.find({ id: 'event 1600', source: '' })).toBeDefined()
      expect(await ledger.prune(border)).toBe(0)
    })

    test('pruning keeps records that wait or have changed since, and drops them once that is old too', async () => {
      const ledger = await open()
      const [waiting, touched] = [kept('waiting'), kept('touched')]
      const later = { state: 'deferred', reply: '450', nextAttemptAt: 0 } as const
      await ledger.lanes.append('lane', waiting, now)
      await ledger.settle(touched.event, touched.mail, later)
      const border = Date.now() + 1
      await expect.poll(() => Date.now()).toBeGreaterThanOrEqual(border)
      await ledger.settle(touched.event, touched.mail, later)
      expect(await ledger.prune(border)).toBe(0)
      expect(await ledger.prune(Date.now() + 1)).toBe(1)
      expect(await ledger.find(waiting.event)).toBeDefined()
      const lane = (await ledger.lanes.claim()) ?? ''
      await ledger.lanes.pop(lane, (await ledger.lanes.head(lane))?.position ?? 0)
      expect(await ledger.prune(Date.now() + 2)).toBe(1)
      expect(await ledger.find(waiting.event)).toBeUndefined()
    })

    test('pruning drops digests, and events that were replayed out of them', async () => {
      const ledger = await open()
      for (const id of ['one', 'two']) await ledger.lanes.gather(ofRun(id, 2))
      const lane = (await ledger.lanes.claim()) ?? ''
      const head = await ledger.lanes.head(lane)
      const ref = head?.ref ?? event
      await ledger.settle(ref, mail, { state: 'failed', reply: '550' })
      await ledger.lanes.pop(lane, head?.position ?? 0)
      await ledger.reopen(event, '1/7', mail)
      expect(await ledger.prune(Date.now() + 1)).toBe(2)
      expect(await ledger.find(event)).toBeUndefined()
      expect(await ledger.findById('two')).toEqual([])
    })

    test('a mail is due after its own wait at the latest if the clock was set back', async () => {
      vi.useFakeTimers({ toFake: ['Date'] })
      try {
        const start = Date.now()
        const before = await open()
        await before.lanes.append('lane', kept('one'), { ...now, nextAttemptAt: start + 5000 })
        await before.lanes.gather({ ...ofRun('two', 0), lane: 'other' })
        await before.close()
        vi.setSystemTime(start - 3_600_000)
        const ledger = await open()
        await ledger.adjustToClock()
        expect(await ledger.lanes.nextDueAt()).toBe(start - 3_600_000 + 5000)
        vi.setSystemTime(start - 3_600_000 + 5000)
        await ledger.adjustToClock()
        expect(await ledger.lanes.claim()).toBe('lane')
        await ledger.lanes.pop('lane', (await ledger.lanes.head('lane'))?.position ?? 0)
        expect(await ledger.lanes.nextDueAt()).toBe(start - 3_600_000 + patient.quietMs)
      } finally {
        vi.useRealTimers()
      }
    })

    test('a run of known size is closed at its latest time, even if events keep coming', async () => {
      vi.useFakeTimers({ toFake: ['Date'] })
      try {
        const ledger = await open('this', { ...patient, maxMs: 60_000, latestMs: 90_000 })
        const start = Date.now()
        await ledger.lanes.gather(ofRun('one', 9))
        expect(await ledger.lanes.nextDueAt()).toBe(start + 60_000)
        vi.setSystemTime(start + 50_000)
        await ledger.lanes.gather(ofRun('two', 9))
        expect(await ledger.lanes.nextDueAt()).toBe(start + 90_000)
        vi.setSystemTime(start + 90_000)
        expect(await digestsIn(ledger)).toEqual([['one', 'two']])
        await ledger.lanes.gather(ofRun('three', 9))
        expect(await ledger.lanes.nextDueAt()).toBe(start + 150_000)
      } finally {
        vi.useRealTimers()
      }
    })

    test('a digest has the language of most of its events', async () => {
      const ledger = await open()
      for (const [id, template] of [
        ['one', '1/en'],
        ['two', '1/ru'],
        ['three', '1/ru'],
      ] as const) {
        const of = ofRun(id, 3)
        await ledger.lanes.gather({ ...of, mail: { ...of.mail, template } })
      }
      expect(await ledger.find(event)).toMatchObject({ template: '1/ru' })
    })

    test('the replies of the last attempts are kept', async () => {
      const ledger = await open()
      for (let count = 0; count <= maxHistory; count += 1) {
        const reply = `450 ${count}`
        await ledger.settle(event, mail, { state: 'deferred', reply, nextAttemptAt: 0 })
      }
      await ledger.settle(event, mail, { state: 'accepted', reply: '250 ok' })
      const { history } = (await ledger.find(event)) ?? {}
      expect(history).toHaveLength(maxHistory)
      expect(history?.at(-2)).toMatchObject({ state: 'deferred', reply: `450 ${maxHistory}` })
      expect(history?.at(-1)).toMatchObject({ state: 'accepted', reply: '250 ok', counted: true })
    })

    test('the mails of a conversion are found by it, until they are pruned', async () => {
      const ledger = await open()
      const accepted = { state: 'accepted', reply: '' } as const
      const ofConversion = (id: string, conversionId: string) =>
        ledger.settle({ id, source: '' }, { ...mail, eventIds: [id], conversionId }, accepted)
      await ofConversion('one', 'conversion')
      await ofConversion('two', 'conversion')
      await ofConversion('three', 'conversion 2')
      const found = await ledger.findByConversion('conversion')
      expect(found.map(({ event: { id } }) => id).sort()).toEqual(['one', 'two'])
      expect(await ledger.findByConversion('nothing')).toEqual([])
      await ledger.prune(Date.now() + 1)
      expect(await ledger.findByConversion('conversion')).toEqual([])
    })

    test('a final outcome is pending until it is marked as announced, and no other state is', async () => {
      const ledger = await open()
      const heard: string[] = []
      ledger.onOutcome(() => heard.push('outcome'))
      const later = { state: 'unknown', reply: '', nextAttemptAt: 7 } as const
      await ledger.begin(event, mail)
      await ledger.settle(event, mail, later)
      expect(await ledger.pendingOutcomes(9)).toEqual([])
      await ledger.settle(event, mail, { ...later, nextAttemptAt: undefined })
      await ledger.settle({ id: 'two', source: '' }, mail, { state: 'failed', reply: '550' })
      expect(heard).toHaveLength(2)
      const pending = await ledger.pendingOutcomes(9)
      expect(pending.map(({ record }) => record.state).sort()).toEqual(['failed', 'unknown'])
      expect(await ledger.pendingOutcomes(1)).toHaveLength(1)
      await ledger.markAnnounced(pending)
      expect(await ledger.pendingOutcomes(9)).toEqual([])
    })

    test('a reopened mail is pending again once it has an outcome again', async () => {
      const ledger = await open()
      await ledger.settle(event, mail, { state: 'failed', reply: '550' })
      const [before] = await ledger.pendingOutcomes(9)
      await ledger.reopen(event, 'replay', mail)
      expect(await ledger.pendingOutcomes(9)).toEqual([])
      await ledger.settle(event, mail, { state: 'accepted', reply: '250' })
      if (before) await ledger.markAnnounced([before])
      expect(await ledger.pendingOutcomes(9)).toMatchObject([{ record: { state: 'accepted' } }])
    })

    test('the outcomes of a process are its own while it lives, and pending for all afterwards', async () => {
      const accepted = { state: 'accepted', reply: '' } as const
      await (await open('other')).settle({ id: 'live', source: '' }, mail, accepted)
      await (await open('gone')).settle({ id: 'dead', source: '' }, mail, accepted)
      const pending = await (await open()).pendingOutcomes(9)
      expect(pending.map(({ event: { id } }) => id)).toEqual(['dead'])
    })

    test('a lane returns its events in order, byte for byte, also after a restart', async () => {
      const first = await open()
      for (const id of ['one', 'two', 'three']) await first.lanes.append('lane', kept(id), now)
      await first.close()
      const ledger = await open()
      expect(await ledger.find(event)).toMatchObject({
        state: 'deferred',
        lane: 'lane',
        attempts: 0,
      })
      expect((await ledger.find(event))?.deferredSince).toBeGreaterThan(0)
      expect(await ledger.lanes.claim()).toBe('lane')
      const seen: string[] = []
      for (let more = true; more; ) {
        const head = await ledger.lanes.head('lane')
        seen.push(head?.ref.id ?? '')
        const { value, headers, ...rest } = head?.deliveries[0] ?? deliveryOf('')
        const { value: bytes, headers: texts, ...others } = deliveryOf(head?.ref.id ?? '')
        expect(rest).toEqual(others)
        expect(Buffer.from(value)).toEqual(Buffer.from(bytes))
        expect(Buffer.from(headers['raw'] ?? [])).toEqual(Buffer.from([0xfe]))
        expect(Object.keys(headers)).toEqual(Object.keys(texts))
        more = await ledger.lanes.pop('lane', head?.position ?? 0)
      }
      expect(seen).toEqual(['one', 'two', 'three'])
      expect(await ledger.lanes.has('lane')).toBe(false)
      expect(await ledger.lanes.nextDueAt()).toBeUndefined()
      expect((await ledger.find(event))?.lane).toBeUndefined()
    })

    test('an event is appended once, and with behindOnly only behind others', async () => {
      const { lanes } = await open()
      expect(await lanes.append('lane', kept('one'), behind)).toBe(false)
      expect(await lanes.has('lane')).toBe(false)
      expect(await lanes.append('lane', kept('one'), now)).toBe(true)
      expect(await lanes.append('lane', kept('one'), now)).toBe(true)
      expect(await lanes.append('lane', kept('two'), behind)).toBe(true)
      expect(await lanes.count()).toEqual({ deferred: 2, gathering: 0 })
    })

    test('a mail that is settled or being attempted is not deferred', async () => {
      const ledger = await open()
      await ledger.begin(event, mail)
      const other = await open('other')
      await expect(other.lanes.append('lane', kept('one'), now)).rejects.toMatchObject({
        name: 'MailNotFree',
      })
      await ledger.settle(event, mail, { state: 'accepted', reply: '' })
      await expect(ledger.lanes.append('lane', kept('one'), now)).rejects.toMatchObject({
        name: 'MailNotFree',
      })
      expect(await ledger.lanes.has('lane')).toBe(false)
    })

    test('a lane has one holder at a time; that of a process that is gone is free', async () => {
      const [one, other, gone] = [await open(), await open('other'), await open('gone')]
      await one.lanes.append('lane', kept('one'), now)
      expect(await gone.lanes.claim()).toBe('lane')
      const claimed = await Promise.all([one.lanes.claim(), other.lanes.claim()])
      expect(claimed.filter((lane) => lane === 'lane')).toHaveLength(1)
      expect(await one.lanes.claim()).toBeUndefined()
      expect(await other.lanes.claim()).toBeUndefined()
      const holder = claimed[0] === undefined ? other : one
      await holder.lanes.release('lane', Date.now() - 1)
      expect(await one.lanes.claim()).toBe('lane')
    })

    test('a lane that is not due is not claimed, and the one that has been due longest is claimed first', async () => {
      const { lanes } = await open()
      const soon = Date.now() + 60_000
      await lanes.append('later', kept('one'), { ...now, nextAttemptAt: soon })
      expect(await lanes.claim()).toBeUndefined()
      expect(await lanes.nextDueAt()).toBe(soon)
      await lanes.append('b', kept('two'), { ...now, nextAttemptAt: 2 })
      await lanes.append('a', kept('three'), { ...now, nextAttemptAt: 1 })
      expect([await lanes.claim(), await lanes.claim(), await lanes.claim()]).toEqual([
        'a',
        'b',
        undefined,
      ])
    })

    test('a mail in a lane is not pruned, however old', async () => {
      const ledger = await open()
      await ledger.lanes.append('lane', kept('one'), now)
      await ledger.settle({ id: 'two', source: '' }, mail, { state: 'accepted', reply: '' })
      expect(await ledger.prune(Date.now() + 1)).toBe(1)
      expect(await ledger.find(event)).toMatchObject({ lane: 'lane' })
    })

    test('the events of a run become one mail when the last has come, in the order they came', async () => {
      const ledger = await open()
      expect(await ledger.lanes.gather(ofRun('one', 3))).toBe(false)
      expect(await ledger.find(event)).toMatchObject({ state: 'gathering', lane: 'lane' })
      expect(await ledger.lanes.gather(ofRun('one', 3))).toBe(false)
      expect(await ledger.lanes.gather(ofRun('two', 3))).toBe(false)
      expect(await ledger.lanes.count()).toEqual({ deferred: 0, gathering: 2 })
      expect(await ledger.lanes.has('lane')).toBe(false)
      expect(await ledger.lanes.gather(ofRun('three', 3))).toBe(true)
      expect(await ledger.lanes.count()).toEqual({ deferred: 3, gathering: 0 })
      expect(await ledger.lanes.claim()).toBe('lane')
      const head = await ledger.lanes.head('lane')
      const ids = ['one', 'two', 'three']
      expect(head?.deliveries).toHaveLength(3)
      const record = await ledger.find(head?.ref ?? event)
      expect(record).toMatchObject({ state: 'deferred', eventIds: ids })
      // A Message-ID that none of its events has alone.
      expect(record?.messageId).toMatch(/^<[0-9a-f]{40}@localhost>$/)
      for (const id of ids) {
        expect(await ledger.find({ id, source: '//test' })).toEqual(record)
        expect(await ledger.findById(id)).toEqual([record])
      }
    })

    test('the record of a digest is that of each of its events, and is pruned for all', async () => {
      const ledger = await open()
      for (const id of ['one', 'two']) {
        const own = { ...kept(id).mail, conversionId: `conversion ${id}` }
        await ledger.lanes.gather({ ...ofRun(id, 2), mail: own })
      }
      await ledger.lanes.claim()
      const head = await ledger.lanes.head('lane')
      const { ref = event, position = 0 } = head ?? {}
      await ledger.begin(ref, mail)
      expect((await ledger.find({ id: 'two', source: '//test' }))?.state).toBe('attempting')
      await expect(ledger.lanes.gather(ofRun('two', 2))).resolves.toBe(false)
      await ledger.settle(ref, mail, { state: 'accepted', reply: '250 ok' })
      expect(await ledger.lanes.pop('lane', position)).toBe(false)
      expect(await ledger.lanes.count()).toEqual({ deferred: 0, gathering: 0 })
      expect(await ledger.pendingOutcomes(9)).toMatchObject([
        { record: { eventIds: ['one', 'two'] } },
      ])
      await expect(ledger.lanes.gather(ofRun('two', 2))).rejects.toMatchObject({
        name: 'MailNotFree',
      })
      expect(await ledger.findByConversion('conversion two')).toMatchObject([
        { event: { id: 'two' }, record: { state: 'accepted' } },
      ])
      expect(await ledger.prune(Date.now() + 1)).toBe(1)
      expect(await ledger.findByConversion('conversion two')).toEqual([])
      expect(await ledger.findById('two')).toEqual([])
      expect(await ledger.find(event)).toBeUndefined()
    })

    test('an event that stays alone becomes the mail it would have been without a run', async () => {
      const ledger = await open('this', { ...patient, quietMs: 0 })
      await ledger.lanes.gather(ofRun('one', 0))
      expect(await ledger.lanes.claim()).toBe('lane')
      expect(await ledger.find(event)).toMatchObject({ ...mail, state: 'deferred', lane: 'lane' })
      expect(await ledger.lanes.head('lane')).toMatchObject({
        ref: event,
        deliveries: [{ partition: 3 }],
      })
      expect(await ledger.lanes.count()).toEqual({ deferred: 1, gathering: 0 })
    })

    test('a run whose process is gone is closed by one of the others', async () => {
      const gone = await open('gone', { ...patient, quietMs: 0 })
      for (const id of ['one', 'two']) await gone.lanes.gather(ofRun(id, 0))
      const [ledger, other] = [await open(), await open('other')]
      expect(await ledger.lanes.count()).toEqual({ deferred: 0, gathering: 2 })
      const claimed = await Promise.all([ledger.lanes.claim(), other.lanes.claim()])
      expect(claimed.filter((lane) => lane === 'lane')).toHaveLength(1)
      const holder = claimed[0] === undefined ? other : ledger
      expect(await digestsIn(holder)).toEqual([['one', 'two']])
    })

    test('a digest has at most so many events and bytes, and the last events of a run are not held back', async () => {
      const ledger = await open('this', { ...patient, maxEvents: 2 })
      const ids = ['1', '2', '3', '4', '5']
      const ripe: boolean[] = []
      for (const id of ids) ripe.push(await ledger.lanes.gather(ofRun(id, 5)))
      expect(ripe).toEqual([false, true, false, true, true])
      expect(await digestsIn(ledger)).toEqual([['1', '2'], ['3', '4'], ['5']])
      const small = await open('this', { ...patient, maxBytes: 5 })
      for (const id of ['a', 'b', 'c']) await small.lanes.gather({ ...ofRun(id, 0), run: 'b' })
      expect(await digestsIn(small)).toEqual([['a'], ['b']])
      expect(await small.lanes.count()).toEqual({ deferred: 0, gathering: 1 })
    })

    test('later events of a run do not change its digest that waits in the lane', async () => {
      const ledger = await open('this', { ...patient, quietMs: 0 })
      for (const [first, second] of [
        ['1', '2'],
        ['3', '4'],
      ] as const) {
        await ledger.lanes.gather(ofRun(first, 0))
        await ledger.lanes.gather(ofRun(second, 0))
        expect(await ledger.lanes.claim()).toBe('lane')
        await ledger.lanes.release('lane', Date.now())
      }
      expect(await digestsIn(ledger)).toEqual([
        ['1', '2'],
        ['3', '4'],
      ])
    })

    test('a run of known size is waited for; one of unknown size is over when no event came for a while', async () => {
      const ledger = await open('this', { ...patient, quietMs: 0 })
      await ledger.lanes.gather(ofRun('one', 2))
      await ledger.lanes.gather({ ...ofRun('two', 0), run: 'other' })
      expect(await digestsIn(ledger)).toEqual([['two']])
      expect(await ledger.find(event)).toMatchObject({ state: 'gathering' })
      // For maxMs at most: the run may have been cancelled.
      const hasty = await open('this', { ...patient, maxMs: 0 })
      await hasty.lanes.gather({ ...ofRun('three', 9), run: 'third' })
      await hasty.lanes.gather({ ...ofRun('four', 0), run: 'fourth' })
      expect((await digestsIn(hasty)).sort()).toEqual([['four'], ['three']])
    })

    test('a digest that gathers delays no other mail of its lane, and is sent behind those that wait', async () => {
      const ledger = await open('this', { ...patient, quietMs: 0 })
      await ledger.lanes.gather(ofRun('one', 0))
      await ledger.lanes.gather(ofRun('two', 0))
      expect(await ledger.lanes.append('lane', kept('single'), behind)).toBe(false)
      await ledger.lanes.append('lane', kept('single'), now)
      expect(await ledger.lanes.claim()).toBe('lane')
      expect(await digestsIn(ledger)).toEqual([['single'], ['one', 'two']])
    })

    test('a digest that is due waits for its mailbox behind the others', async () => {
      const ledger = await open('this', { ...patient, quietMs: 0 })
      const later = Date.now() + 600_000
      await ledger.lanes.append('lane', kept('single'), { ...now, nextAttemptAt: later })
      await ledger.lanes.gather(ofRun('one', 0))
      await ledger.lanes.gather(ofRun('two', 0))
      expect(await ledger.lanes.claim()).toBeUndefined()
      expect(await ledger.lanes.count()).toEqual({ deferred: 3, gathering: 0 })
      expect(await ledger.lanes.nextDueAt()).toBe(later)
    })

    test('an event of a failed digest can be tried alone; the others stay failed', async () => {
      const ledger = await open()
      for (const id of ['one', 'two']) await ledger.lanes.gather(ofRun(id, 2))
      await ledger.lanes.claim()
      const { ref = event, position = 0 } = (await ledger.lanes.head('lane')) ?? {}
      await ledger.settle(ref, mail, { state: 'failed', reply: '550 no' })
      await ledger.markDeadLettered(ref)
      await ledger.lanes.pop('lane', position)
      expect(await ledger.reopen(event, '1/7', mail)).toMatchObject({
        ...mail,
        state: 'deferred',
        replay: '1/7',
      })
      await ledger.settle(event, mail, { state: 'accepted', reply: '250' })
      expect(await ledger.reopen(event, '1/7', mail)).toMatchObject({ state: 'accepted' })
      expect(await ledger.find({ id: 'two', source: '//test' })).toMatchObject({ state: 'failed' })
      expect(await ledger.findById('one')).toMatchObject([{ state: 'accepted' }])
    })
  })
}

/** The events of each mail in the lane, which is empty afterwards. */
async function digestsIn(ledger: Ledger): Promise<string[][]> {
  const found: string[][] = []
  await ledger.lanes.claim()
  for (let more = true; more; ) {
    const head = await ledger.lanes.head('lane')
    found.push(
      (head?.deliveries ?? []).map(({ headers }) => Buffer.from(headers['ce_id'] ?? []).toString()),
    )
    more = await ledger.lanes.pop('lane', head?.position ?? 0)
  }
  return found
}
