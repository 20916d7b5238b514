import { setTimeout as delay } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import { herald } from '../compose.js'
import { processorTimes } from '../usage.js'
import { Browser, fileOf } from './page.js'
import { convertFiles } from './run-of-files.js'

const mailsInInbox = async () => {
  const answer = await fetch('http://localhost:8025/api/v2/messages?limit=1')
  return ((await answer.json()) as { total: number }).total
}

/** Prints how much processor time each service has used for one unit of the work, besides what it uses at rest. */
async function printCost(unit: string, count: number, work: () => Promise<void>): Promise<void> {
  const [atRest, restMs] = await used(() => delay(5000))
  const [all, spanMs] = await used(work)
  for (const [service, cpuMs] of all) {
    const each = (cpuMs - ((atRest.get(service) ?? 0) / restMs) * spanMs) / count
    console.log(
      `${service.padEnd(12)} ${each.toFixed(2).padStart(7)} ms of processor time a ${unit}`,
    )
  }
}

/** The processor time of each service during the work, and how long that took, in milliseconds. */
async function used(work: () => Promise<void>): Promise<[ReadonlyMap<string, number>, number]> {
  const startedAt = performance.now()
  const before = await processorTimes()
  await work()
  const after = await processorTimes()
  const times = [...after].map(([name, ms]) => [name, ms - (before.get(name) ?? 0)] as const)
  return [new Map(times), performance.now() - startedAt]
}

describe.runIf(process.env['HERALD_COSTS'])('what each service costs', () => {
  const files = 60
  test('a conversion', () =>
    printCost('conversion', files, async () => {
      await convertFiles('cost', files).expectDelivered()
    }))

  test('a conversion through a page', () =>
    printCost('conversion', files, async () => {
      const browser = new Browser()
      for (let done = 0; done < files; done += 1) {
        const page = await browser.upload('127.0.0.1', { to: 'webp', width: '640' })
        await fileOf(browser, '127.0.0.1', page)
      }
    }))

  const calls = 10
  const perCall = 100
  test('a mail', () =>
    printCost('mail', calls * perCall, async () => {
      const before = await mailsInInbox()
      const convert = async (call: number) => {
        const to = Array.from({ length: perCall }, (_, n) => `cost-${call}-${n}@example.com`)
        const options = to.flatMap((each) => ['--notify', each])
        const args = ['convert', 'photo.jpg', '--to', 'gif', '--width', '64', '--out', '/tmp']
        const { status, stderr } = await herald([...args, ...options])
        expect(status, stderr).toBe(0)
      }
      await Promise.all(Array.from({ length: calls }, (_, call) => convert(call)))
      // What could not be published in the meantime.
      await herald(['outbox', 'flush'])
      await expect
        .poll(mailsInInbox, { timeout: 60_000, interval: 500 })
        .toBe(before + calls * perCall)
    }))
})
