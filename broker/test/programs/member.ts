// member URL TOPIC GROUP [SETTINGS]: one member of a group as a process. Lines of JSON: ready,
// each event begun, each accepted. SIGTERM closes.
import { writeSync } from 'node:fs'
import { setTimeout as wait } from 'node:timers/promises'
import { openBroker } from '@herald/broker'
import { silentLogger } from '@herald/runtime/logger'
import type { Accepted, MemberSettings } from '../conformance/member-process.js'

const [url = '', topic = '', group = '', json = '{}'] = process.argv.slice(2)
const { maxInFlight = 16, shortestMs = 0, longestMs = 5 } = JSON.parse(json) as MemberSettings

const print = (line: object) => writeSync(1, `${JSON.stringify(line)}\n`)
const broker = await openBroker(url, { logger: silentLogger })
await broker.subscribe({ topic, group, maxInFlight }, async ({ value, key, attempt }) => {
  const id = Buffer.from(value).toString()
  // A timer rounds up to a millisecond.
  if (longestMs > 0) {
    print({ begun: id })
    await wait(shortestMs + Math.random() * (longestMs - shortestMs))
  }
  // The monotonic clock is one for all processes of a machine.
  print({ id, key, attempt, at: Number(process.hrtime.bigint()) } satisfies Accepted)
})
process.on('SIGTERM', () => {
  void broker.close().then(() => process.exit(0))
})
print({ ready: true })
