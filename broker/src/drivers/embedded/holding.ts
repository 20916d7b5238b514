import type { Lanes } from '../../lanes.js'
import type { Lease } from './groups.js'

/** A partition that this member holds, from taking it to letting it go or losing it. */
export interface Holding extends Lease {
  readonly lanes: Lanes
  /** What the store has of `lanes.committable`. */
  committed: bigint | undefined
  /** The log may hold more than was read. */
  more: boolean
  /** Set once it is being handed over. */
  handover: Promise<void> | undefined
}
