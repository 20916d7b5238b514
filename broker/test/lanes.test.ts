import { RetryLater } from '@herald/broker'
import { expect, onTestFinished, test, vi } from 'vitest'
import { redeliveryDelayMs } from '#src/back-off'
import { Lanes, type LanesOptions } from '#src/lanes'
import { type LimitsOptions, SubscriptionLimits } from '#src/subscription-limits'
import { laneEvent, laneEvents, manualHandler } from './manual-handler.js'

function lanesOf(options: LimitsOptions & Partial<LanesOptions> & Pick<LanesOptions, 'handler'>) {
  const limits = options.limits ?? new SubscriptionLimits(options)
  return { limits, lanes: new Lanes({ ...options, limits }) }
}

const commit = (lanes: Lanes) => lanes.markCommitted(lanes.committable ?? 0n)

test('keys run concurrently, and each key one after the other', async () => {
  const control = manualHandler()
  const { lanes } = lanesOf(control)
  lanes.push(laneEvents('ada', 'ada', 'bob'))
  expect(control.calls).toEqual(['0#1', '2#1'])
  await control.acknowledge(0)
  expect(control.calls).toEqual(['0#1', '2#1', '1#1'])
})

test('events without a key do not wait for each other', () => {
  const control = manualHandler()
  const { lanes } = lanesOf(control)
  lanes.push(laneEvents(null, null, null))
  expect(control.calls).toHaveLength(3)
})

test('only the contiguous acknowledged prefix may be committed', async () => {
  const control = manualHandler()
  const onProgress = vi.fn()
  const { lanes } = lanesOf({ ...control, onProgress })
  lanes.push([laneEvent(10, 'a'), laneEvent(11, 'b'), laneEvent(15, 'c')])
  await control.acknowledge(11)
  expect(lanes.committable).toBeUndefined()
  expect(onProgress).not.toHaveBeenCalled()
  await control.acknowledge(10)
  expect(lanes.committable).toBe(12n)
  await control.acknowledge(15)
  expect(lanes.committable).toBe(16n)
  expect(onProgress).toHaveBeenCalledTimes(2)
})

test('a rejected event is delivered again with the next attempt number while other keys continue', async () => {
  const control = manualHandler()
  const { lanes } = lanesOf(control)
  lanes.push(laneEvents('ada', 'ada', 'bob', 'bob'))
  await control.reject(0)
  await control.acknowledge(2)
  await vi.waitFor(() => expect(control.calls).toContain('0#2'), 60_000)
  expect(control.calls).toContain('3#1')
  expect(control.calls).not.toContain('1#1')
  await control.acknowledge(0)
  expect(control.calls).toContain('1#1')
})

test('a handler that throws synchronously rejects its event', async () => {
  let calls = 0
  const { lanes } = lanesOf({
    handler: () => {
      calls += 1
      if (calls === 1) throw new Error('at once')
      return Promise.resolve()
    },
  })
  lanes.push(laneEvents('ada'))
  await vi.waitFor(() => expect(lanes.committable).toBe(1n), 60_000)
  expect(calls).toBe(2)
})

test('the back-off grows to its maximum, and RetryLater sets its own delay', () => {
  const random = vi.spyOn(Math, 'random').mockReturnValue(1)
  onTestFinished(() => random.mockRestore())
  const delays = [1, 2, 3, 9, 99].map((attempt) => redeliveryDelayMs(new Error('no'), attempt))
  expect(delays).toEqual([200, 400, 800, 30_000, 30_000])
  const asked = [25, -1, Number.NaN, Infinity].map((ms) => redeliveryDelayMs(new RetryLater(ms), 9))
  expect(asked).toEqual([25, 0, 0, 2 ** 31 - 1])
})

test('a rejected event is delivered again after the delay that is reported', async () => {
  const rejections: [delayMs: number, attempt: number][] = []
  const { lanes } = lanesOf({
    handler: ({ attempt }) =>
      attempt === 1 ? Promise.reject(new RetryLater(25)) : Promise.resolve(),
    onRejected: (_error, { attempt }, delayMs) => rejections.push([delayMs, attempt]),
  })
  const startedAt = performance.now()
  lanes.push(laneEvents('ada'))
  await vi.waitFor(() => expect(lanes.committable).toBe(1n), 60_000)
  expect(rejections).toEqual([[25, 1]])
  // A timer may fire up to a millisecond early.
  expect(performance.now() - startedAt).toBeGreaterThanOrEqual(24)
})

test('the handlers at work never exceed the limits shared by several partitions', async () => {
  const limits = new SubscriptionLimits({ maxInFlight: 3, maxBuffered: 100 })
  let now = 0
  let most = 0
  let handled = 0
  const handler = async () => {
    now += 1
    most = Math.max(most, now)
    await new Promise((resolve) => setTimeout(resolve, Math.random() * 4))
    now -= 1
    handled += 1
  }
  for (let partition = 0; partition < 4; partition += 1) {
    const lanes = new Lanes({ handler, limits, onProgress: () => commit(lanes) })
    lanes.push(laneEvents(...Array.from({ length: 20 }, (_, i) => `${i % 7}`)))
  }
  await vi.waitFor(() => expect(handled).toBe(80), 60_000)
  expect(most).toBe(3)
  expect(limits.inFlight).toBe(0)
  expect(limits.buffered).toBe(0)
  expect(limits.isCommitUrgent).toBe(false)
})

test('no more is taken than there is room for, and onRoom is called once there is room again', async () => {
  const control = manualHandler()
  const onRoom = vi.fn()
  const { lanes, limits } = lanesOf({ ...control, maxInFlight: 2, maxBuffered: 4, onRoom })
  const all = laneEvents('a', 'b', 'c', 'd', 'e', 'f')
  const taken = lanes.push(all)
  expect(taken).toBe(4)
  expect(limits.buffered).toBe(4)
  expect(lanes.room).toBe(0)
  expect(lanes.push(all.slice(taken))).toBe(0)
  await control.acknowledge(1)
  await vi.waitFor(() => expect(onRoom).toHaveBeenCalledTimes(1), 60_000)
  expect(lanes.push(all.slice(taken))).toBe(1)
})

test('acknowledged events take room until they are committed, but not behind one that is parked', async () => {
  const control = manualHandler()
  const { lanes, limits } = lanesOf({ ...control, maxInFlight: 3, maxBuffered: 3 })
  lanes.push(laneEvents('parked', 'b', 'c'))
  await control.reject(0, new RetryLater(60_000))
  await control.acknowledge(1)
  expect(lanes.push([laneEvent(3, 'd')])).toBe(1)
  await control.acknowledge(2)
  await control.acknowledge(3)
  expect(limits.room(0)).toBe(2)
  lanes.revoke()
  const next = new Lanes({ ...control, limits }, 10n)
  next.push([laneEvent(10, 'a'), laneEvent(11, 'b'), laneEvent(12, 'c')])
  await control.acknowledge(11)
  await control.acknowledge(10)
  expect(limits.isCommitUrgent).toBe(true)
  expect(next.room).toBe(0)
  next.markCommitted(11n)
  expect(limits.isCommitUrgent).toBe(false)
  expect(next.room).toBe(1)
  commit(next)
  expect(limits.room(0)).toBe(2)
})

test('what is not committed takes no room after the partition is lost', async () => {
  const control = manualHandler()
  const { lanes, limits } = lanesOf({ ...control, maxBuffered: 2 })
  lanes.push(laneEvents('a', 'b'))
  await control.acknowledge(0)
  expect(limits.room(0)).toBe(0)
  lanes.revoke()
  commit(lanes)
  await control.acknowledge(1)
  expect(limits.room(0)).toBe(2)
})

test('a partition full of parked keys leaves room for the others', () => {
  const limits = new SubscriptionLimits({ maxInFlight: 1, maxBuffered: 90 })
  const { handler } = manualHandler()
  const full = new Lanes({ handler, limits })
  const other = new Lanes({ handler, limits })
  full.push(laneEvents(...Array.from({ length: 200 }, () => 'ada')))
  expect(full.room).toBe(0)
  expect(limits.buffered).toBe(80)
  expect(other.room).toBeGreaterThan(0)
})

test('the part of a repeated batch that was taken already is skipped', async () => {
  const control = manualHandler()
  const { lanes } = lanesOf(control)
  expect(lanes.push(laneEvents('a', 'b'))).toBe(2)
  expect(lanes.push(laneEvents('a', 'b', 'c'))).toBe(3)
  expect(control.calls).toEqual(['0#1', '1#1', '2#1'])
  expect(lanes.position).toBe(3n)
})

test('a pause starts nothing, not even a redelivery, until it is resumed', async () => {
  const control = manualHandler()
  const { lanes, limits } = lanesOf(control)
  lanes.push(laneEvents('a', 'b'))
  limits.pause()
  lanes.push([laneEvent(2, 'c')])
  await control.reject(0, new RetryLater(0))
  await new Promise((resolve) => setTimeout(resolve, 10))
  expect(control.calls).toEqual(['0#1', '1#1'])
  limits.resume()
  await vi.waitFor(() => expect(control.calls).toEqual(['0#1', '1#1', '2#1', '0#2']), 60_000)
})

test('draining waits for the handlers at work and starts no more', async () => {
  const control = manualHandler()
  const { lanes, limits } = lanesOf(control)
  lanes.push(laneEvents('a', 'a', 'b'))
  const drained = lanes.drain(10_000)
  await control.acknowledge(2)
  await control.acknowledge(0)
  await drained
  expect(control.calls).toEqual(['0#1', '2#1'])
  expect(lanes.committable).toBe(1n)
  expect(limits.buffered).toBe(0)
  expect(control.signals.get('0')?.aborted).toBe(false)
  expect(lanes.push([laneEvent(3, 'c')])).toBe(0)
})

test('after its timeout draining aborts the signals and ignores late acknowledgements', async () => {
  const control = manualHandler()
  const onProgress = vi.fn()
  const { lanes, limits } = lanesOf({ ...control, onProgress })
  lanes.push(laneEvents('a', 'b'))
  await lanes.drain(5)
  expect(control.signals.get('0')?.aborted).toBe(true)
  await control.acknowledge(0)
  expect(lanes.committable).toBeUndefined()
  expect(onProgress).not.toHaveBeenCalled()
  await control.reject(1)
  expect(limits.inFlight).toBe(0)
  expect(limits.buffered).toBe(0)
})

test('revoking ends a running drain and drops parked events', async () => {
  const control = manualHandler()
  const { lanes, limits } = lanesOf(control)
  lanes.push(laneEvents('a', 'b'))
  await control.reject(0)
  const drained = lanes.drain(60_000)
  lanes.revoke()
  await drained
  await new Promise((resolve) => setTimeout(resolve, 10))
  expect(control.calls).toEqual(['0#1', '1#1'])
  expect(limits.buffered).toBe(1)
})

test.each([0, -1, 1.5, Number.NaN])('%s is refused as a limit', (bound) => {
  expect(() => new SubscriptionLimits({ maxInFlight: bound })).toThrow(
    /maxInFlight must be a whole number/,
  )
  expect(() => new SubscriptionLimits({ maxBuffered: bound })).toThrow(
    /maxBuffered must be a whole number/,
  )
})

test('300,000 events are handled, also behind one that hangs', async () => {
  const total = 300_000
  let handled = 0
  const limits = new SubscriptionLimits({ maxInFlight: 32, maxBuffered: 1000 })
  const lanes = new Lanes({
    limits,
    handler: async ({ key }) => {
      if (key === 'hangs') await new Promise<void>(() => {})
      handled += 1
    },
    onProgress: () => commit(lanes),
  })
  const startedAt = performance.now()
  for (let next = 0; next < total; ) {
    next += lanes.push(
      Array.from({ length: Math.min(500, total - next) }, (_, i) =>
        laneEvent(next + i, next + i === 200_000 ? 'hangs' : `${i % 50}`),
      ),
    )
    await new Promise((resolve) => setImmediate(resolve))
  }
  const seconds = (performance.now() - startedAt) / 1000
  console.log(`lanes: ${Math.round(handled / seconds).toLocaleString()} events/s`)
  expect(lanes.committable).toBe(200_000n)
  expect(handled).toBe(total - 1)
  lanes.revoke()
})

test('a parked key that fills half the buffer is retried early if its handler allows it', async () => {
  const crowded: string[] = []
  const { lanes } = lanesOf({
    maxBuffered: 8,
    async handler({ position, key, attempt }, context) {
      if (context.crowded) crowded.push(`${key}${position}#${attempt}`)
      else if (key !== 'eve') {
        throw new RetryLater(60_000, { soonerWhenCrowded: key === 'ada' })
      }
    },
  })
  lanes.push(laneEvents('bob', 'ada', 'ada'))
  await vi.waitFor(() => expect(lanes.buffered).toBe(3), 60_000)
  expect(crowded).toEqual([])
  lanes.push([laneEvent(3, 'ada')])
  await vi.waitFor(() => expect(crowded).toEqual(['ada1#2']), 60_000)
  // The next event of ada is not retried early on its own: with two of hers and bob there is room.
  await vi.waitFor(() => expect(lanes.buffered).toBe(3), 60_000)
  lanes.push([laneEvent(4, 'eve'), laneEvent(5, 'bob')])
  await vi.waitFor(() => expect(crowded).toEqual(['ada1#2', 'ada2#2']), 60_000)
  lanes.revoke()
})

test('a key parked again although it was crowded is not retried early again', async () => {
  let calls = 0
  const { lanes, limits } = lanesOf({
    maxBuffered: 2,
    async handler() {
      calls += 1
      throw new RetryLater(60_000, { soonerWhenCrowded: true })
    },
  })
  lanes.push(laneEvents('ada', 'ada'))
  await vi.waitFor(() => expect(calls).toBe(2), 60_000)
  await new Promise((resolve) => setImmediate(resolve))
  expect(calls).toBe(2)
  lanes.revoke()
  expect(limits.crowded).toBe(false)
})
