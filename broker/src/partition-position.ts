import type { EventPosition } from './broker.js'

/** The position of an event in a broker with partitions: `3/17`. */
export function partitionPosition(partition: number, offset: string): EventPosition {
  return { position: `${partition}/${offset}`, partition, offset }
}
