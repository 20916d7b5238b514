import { findKafka } from '@herald/kafka'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Result } from '#src/faults/result'
import { runDigests } from '#src/faults/scenario-digests'
import { runIdle } from '#src/faults/scenario-idle'
import { runKills } from '#src/faults/scenario-kills'
import { runMoods } from '#src/faults/scenario-moods'
import { runOutage } from '#src/faults/scenario-outage'
import { runTwice } from '#src/faults/scenario-twice'
import { runUnreadable } from '#src/faults/scenario-unreadable'
import { openStage, type Stage } from '#src/faults/stage'

const found = await findKafka()
const leftOut = 'missing' in found ? ` (left out: ${found.missing})` : ''
const seed = 7
const said: string[] = []
const say = (line: string) => void said.push(line)

/** The short form of `npm run faults`: the same scenarios, small, without bounds on time. */
describe.skipIf(leftOut !== '')(`faults on Apache Kafka${leftOut}`, { timeout: 120_000 }, () => {
  let stage: Stage

  beforeAll(async () => {
    stage = await openStage()
  }, 120_000)
  afterAll(() => stage?.close())

  function expectKept({ faults, figures }: Result) {
    expect(faults, `${JSON.stringify(figures)}\n${said.join('\n')}`).toEqual([])
  }

  test('notifiers and Kafka are killed: nothing is lost, nothing out of order, and twice only what was in flight', async () => {
    const scale = { seed, events: 240, perSecond: 60, kills: 3, kafkaRestart: true, say }
    expectKept(await runKills(stage, { ...scale, onUnknown: 'prefer-duplicate' }))
  })

  test('with prefer-loss nothing comes twice, and what may be lost is listed as unknown', async () => {
    const scale = { seed, events: 120, perSecond: 60, kills: 2, kafkaRestart: false, say }
    expectKept(await runKills(stage, { ...scale, onUnknown: 'prefer-loss' }))
  })

  test('an idle consumer is not replaced, and goes on with the next event', async () => {
    expectKept(await runIdle(stage, { seed, periods: 4 }))
  })

  test('the mail server goes away and comes back: nothing is lost and no attempt is burned', async () => {
    const scale = { seed, events: 80, perSecond: 50, awayMs: 1500, resumeWithinMs: 60_000, say }
    expectKept(await runOutage(stage, scale))
  })

  test('a mail server in every mood: greylisting, 421, lost replies and cut connections lose nothing', async () => {
    expectKept(await runMoods(stage, { seed, events: 80 }))
  })

  test('events published twice are one mail each', async () => {
    expectKept(await runTwice(stage, { seed, events: 100 }))
  })

  test('notifiers die while a run is gathered: every event is in exactly one mail', async () => {
    expectKept(await runDigests(stage, { seed, rounds: 4, recipients: 8, runSize: 6 }))
  })

  test('what cannot be read goes to the dead letters with its reason, and the rest is mailed', async () => {
    expectKept(await runUnreadable(stage, { seed, events: 60 }))
  })
})
