import { expect, test, vi } from 'vitest'
import { event, eventIdsOf, gauge, patience } from './digest-run.js'
import { message, publish, uuidv7 } from './publish.js'
import { startScriptedSmtp } from './scripted-smtp.js'
import { useStage } from './stage.js'

const stage = useStage()
/** The third run has no size: a test of each kind at least. */
const kills = process.env['CI'] ? 10 : 3

test('a digest, kill -9 inside its window again and again: every event in exactly one mail', {
  timeout: 400_000,
}, async () => {
  // The reply is delayed, so that a kill can fall between 354 and reply as well.
  const smtp = await startScriptedSmtp({ body: () => pause(100) })
  stage.defer(() => smtp.close())
  const env = { HERALD_SMTP: smtp.url, HERALD_DIGEST_QUIET: '3s', HERALD_DIGEST_MAX: '10m' }
  const published: string[] = []
  const doubtful: string[] = []
  let notifier = await stage.start(env)
  const gathered = () => gauge(notifier.probesUrl, 'gathered_events')
  for (let kill = 0; kill < kills; kill += 1) {
    const run = uuidv7()
    const ids = Array.from({ length: 12 }, () => uuidv7())
    // Every third run has no size: it is closed after a quiet time, by the notifier that runs then.
    const runSize = kill % 3 === 2 ? 0 : ids.length
    const messages = ids.map((id, n) => message(event(`${kill}-${n}.jpg`, { run, runSize }), id))
    await publish(stage.broker, messages.slice(0, 6))
    published.push(...ids)
    await vi.waitFor(async () => expect(await gathered()).toBe(6), { ...patience, interval: 5 })
    await notifier.stop('SIGKILL')
    const begun = smtp.begun.length
    await publish(stage.broker, messages.slice(6))
    notifier = await stage.start(env)
    if (kill % 2 === 1) {
      // Killed again while the digest is being sent: its events may be mailed twice.
      await vi.waitFor(() => expect(smtp.begun.length).toBeGreaterThan(begun), patience)
      await notifier.stop('SIGKILL')
      doubtful.push(...ids)
      notifier = await stage.start(env)
    }
    await vi.waitFor(async () => {
      expect([...new Set(await eventIdsOf(smtp.accepted))]).toEqual([...published].sort())
      // Here the reply is recorded, and a kill cannot undo it.
      expect(await gathered()).toBe(0)
      expect(await gauge(notifier.probesUrl, 'deferred_events')).toBe(0)
    }, patience)
  }
  const seen = await eventIdsOf(smtp.accepted)
  const twice = seen.filter((id, at) => id === seen[at - 1])
  process.stdout.write(
    `kill -9 inside the digest window ${kills} times, every second time between 354 and reply as well: ` +
      `${published.length} events in ${smtp.accepted.length} mails; ` +
      `${twice.length} mailed twice (bound: the ${doubtful.length} of those digests)\n`,
  )
  expect(twice.filter((id) => !doubtful.includes(id))).toEqual([])
  expect(seen.filter((id) => seen.filter((each) => each === id).length > 2)).toEqual([])
})

const pause = (ms: number) =>
  new Promise<undefined>((resolve) => setTimeout(() => resolve(undefined), ms))
