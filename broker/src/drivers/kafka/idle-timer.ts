import { createRequire } from 'node:module'

/** What is used of kafkajs' queue of requests, one a connection. */
interface RequestQueue {
  readonly pending: readonly unknown[]
  scheduleCheckPendingRequests(this: RequestQueue): void
}

/**
 * kafkajs 2.2.4 schedules a check of pending requests although there are none, with a delay far
 * below zero: each open connection wakes the process every millisecond, and Node 24 warns of it
 * (https://github.com/tulios/kafkajs/issues/1751). No option avoids it, and kafkajs has had no
 * release since 2023. The module is not part of kafkajs' interface: its version is pinned, and
 * `test/kafkajs-idle.test.ts` fails if this no longer applies.
 */
export function stopIdleTimer(): void {
  const queue = createRequire(import.meta.url)('kafkajs/src/network/requestQueue') as {
    readonly prototype: RequestQueue
  }
  const { prototype } = queue
  const schedule = prototype.scheduleCheckPendingRequests
  prototype.scheduleCheckPendingRequests = function () {
    if (this.pending.length > 0) schedule.call(this)
  }
}
