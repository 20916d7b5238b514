import type { Bench } from './bench.js'
import { convertLatency } from './benches/convert-latency.js'

/** Every bench, in the order they run. */
export const allBenches: readonly Bench[] = [convertLatency]
