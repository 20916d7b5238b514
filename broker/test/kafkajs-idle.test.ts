import { createRequire } from 'node:module'
import '#src/drivers/kafka/client'
import { expect, test, vi } from 'vitest'

// kafkajs 2.2.4 sets a timer of 1 ms as long as a connection is open, and Node 24 prints a
// TimeoutNegativeWarning into the user's terminal.
const require = createRequire(import.meta.url)
const correlationId = 1

test('a connection of kafkajs that waits for nothing starts no timer', () => {
  const RequestQueue = require('kafkajs/src/network/requestQueue')
  const logger = { namespace: () => logger, debug: () => {} }
  const queue = new RequestQueue({
    maxInFlightRequests: null,
    requestTimeout: 1000,
    enforceRequestTimeout: false,
    clientId: 'herald',
    broker: 'localhost:9092',
    logger,
  })
  vi.useFakeTimers()
  try {
    queue.push({
      entry: { correlationId, resolve() {}, reject() {} },
      expectResponse: true,
      sendRequest() {},
    })
    queue.fulfillRequest({ correlationId, payload: Buffer.of(), size: 0 })
    expect(vi.getTimerCount()).toBe(0)
  } finally {
    vi.useRealTimers()
  }
})
