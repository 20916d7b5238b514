import { pino } from 'pino'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { watchOutage } from '#src/outage'

const closers: (() => void)[] = []
beforeEach(() => void vi.useFakeTimers())
afterEach(() => {
  for (const close of closers.splice(0)) close()
  vi.useRealTimers()
})

function watch(probe: () => Promise<void>) {
  const log: { level: number; msg: string }[] = []
  const intake = { pause: vi.fn(), resume: vi.fn() }
  const outage = watchOutage({
    intake,
    probe,
    backOff: { firstMs: 500, capMs: 4000 },
    logger: pino({ level: 'info' }, { write: (line) => void log.push(JSON.parse(line)) }),
  })
  closers.push(() => outage.close())
  return { outage, intake, log }
}

const minutes = (count: number) => vi.advanceTimersByTimeAsync(count * 60_000)

test('refused credentials are tried with growing waits, and logged every ten minutes', async () => {
  const refused = Object.assign(new Error('535 wrong password'), { lasting: true })
  const probe = vi.fn(() => Promise.reject(refused))
  const { outage, log } = watch(probe)
  outage.begin({ reason: 'wrong password', lasting: true, provenByProbe: true })
  await vi.advanceTimersByTimeAsync(30_000)
  expect(probe.mock.calls.length).toBeLessThan(8)
  const before = probe.mock.calls.length
  await minutes(60)
  expect(probe.mock.calls.length - before).toBeLessThan(30)
  expect(log).toHaveLength(1 + 6)
  probe.mockImplementation(() => Promise.resolve() as Promise<never>)
  await minutes(5)
  expect(outage.reason).toBeUndefined()
  expect(log.map(({ msg }) => msg)).toEqual([
    'the mail server is out of service: events wait',
    ...Array(6).fill('the mail server is still out of service'),
    'the mail server answers again',
  ])
})

test('a refused sender is tried with one mail at a time, and is logged once until one is accepted', async () => {
  const { outage, intake, log } = watch(() => Promise.resolve())
  outage.begin({ reason: '550 not you', lasting: true })
  let tried = 0
  for (let second = 0; second < 30; second += 1) {
    await vi.advanceTimersByTimeAsync(1000)
    const release = outage.admit()
    if (release === undefined) continue
    tried += 1
    expect(outage.admit()).toBeUndefined()
    expect(outage.reason).toBe('550 not you')
    outage.begin({ reason: '550 not you', lasting: true })
    release()
  }
  expect(tried).toBeGreaterThan(2)
  expect(tried).toBeLessThan(8)
  expect(log).toHaveLength(1)
  let release: unknown
  for (let second = 0; second < 600 && release === undefined; second += 1) {
    await vi.advanceTimersByTimeAsync(1000)
    release = outage.admit()
  }
  expect(release).toBeDefined()
  outage.accepted()
  expect(outage.reason).toBeUndefined()
  expect(intake.pause.mock.calls.length).toBe(intake.resume.mock.calls.length)
  expect(log.map(({ msg }) => msg)).toContain('the mail server answers again')
})

test('of several requested waits the longest counts', async () => {
  const probe = vi.fn(() => Promise.resolve())
  const { outage } = watch(probe)
  outage.begin({ reason: '503', minWaitMs: 1000 })
  outage.begin({ reason: '503', minWaitMs: 60_000 })
  outage.begin({ reason: '503', minWaitMs: 2000 })
  await vi.advanceTimersByTimeAsync(59_000)
  expect(probe).not.toHaveBeenCalled()
  await vi.advanceTimersByTimeAsync(2000)
  expect(probe).toHaveBeenCalledOnce()
})

test('a longer wait that is requested during the probe counts too', async () => {
  const answers: (() => void)[] = []
  const { outage } = watch(() => new Promise<void>((resolve) => answers.push(resolve)))
  outage.begin({ reason: '503' })
  await vi.advanceTimersByTimeAsync(4000)
  expect(answers).toHaveLength(1)
  outage.begin({ reason: '503', minWaitMs: 60_000 })
  answers[0]?.()
  await vi.advanceTimersByTimeAsync(59_000)
  expect(outage.paused).toBe(true)
  expect(answers).toHaveLength(1)
  await vi.advanceTimersByTimeAsync(2000)
  expect(answers).toHaveLength(2)
})

test('a mail without an answer does not block the next', async () => {
  const { outage } = watch(() => Promise.resolve())
  outage.begin({ reason: 'no answer' })
  await vi.advanceTimersByTimeAsync(1000)
  expect(outage.admit()).toBeDefined()
  expect(outage.isOpen).toBe(false)
  await vi.advanceTimersByTimeAsync(1000)
  expect(outage.isOpen).toBe(true)
})

test('the reason names no recipient, since /readyz is public', async () => {
  const probe = () => Promise.reject(new Error('451 <bob@example.com> not now'))
  const { outage, log } = watch(probe)
  outage.begin({ reason: '554 5.7.1 <ada@example.com>: Relay access denied' })
  expect(outage.reason).toBe('554 5.7.1 <(address)>: Relay access denied')
  await minutes(11)
  expect(outage.reason).toBe('451 <(address)> not now')
  expect(JSON.stringify(log)).not.toContain('@')
})
