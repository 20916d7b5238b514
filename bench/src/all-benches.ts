import type { Bench } from './bench.js'
import { brokers } from './benches/brokers.js'
import { cancel } from './benches/cancel.js'
import { consume } from './benches/consume.js'
import { convertFolder } from './benches/convert-folder.js'
import { convertLatency } from './benches/convert-latency.js'
import { convertMemory } from './benches/convert-memory.js'
import { convertRenditions } from './benches/convert-renditions.js'
import { convertRivals } from './benches/convert-rivals.js'
import { convertThroughput } from './benches/convert-throughput.js'
import { endToEnd } from './benches/end-to-end.js'
import { growth } from './benches/growth.js'
import { ledger } from './benches/ledger.js'
import { notify } from './benches/notify.js'
import { notifySlowSmtp } from './benches/notify-slow-smtp.js'
import { publish } from './benches/publish.js'
import { scale } from './benches/scale.js'
import { start } from './benches/start.js'

/** Every bench, in the order they run. */
export const allBenches: readonly Bench[] = [
  convertLatency,
  convertThroughput,
  convertRivals,
  convertRenditions,
  convertMemory,
  convertFolder,
  cancel,
  start,
  publish,
  consume,
  notify,
  notifySlowSmtp,
  endToEnd,
  scale,
  ledger,
  growth,
  brokers,
]
