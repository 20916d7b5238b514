import type { Bench } from './bench.js'
import { consume } from './benches/consume.js'
import { convertLatency } from './benches/convert-latency.js'
import { notify } from './benches/notify.js'
import { notifySlowSmtp } from './benches/notify-slow-smtp.js'
import { publish } from './benches/publish.js'

/** Every bench, in the order they run. */
export const allBenches: readonly Bench[] = [
  convertLatency,
  publish,
  consume,
  notify,
  notifySlowSmtp,
]
