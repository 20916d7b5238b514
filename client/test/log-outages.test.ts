import type { Logger } from '@herald/runtime/logger'
import { StoreError } from '@herald/runtime/store'
import { expect, test } from 'vitest'
import { logOutages } from '#src/web/log-outages'

function recordingLogger() {
  const lines: unknown[][] = []
  const logger = {
    warn: (...line: unknown[]) => lines.push(line),
    info: (...line: unknown[]) => lines.push(line),
  } as unknown as Logger
  return { lines, logger }
}

// A page whose database was down logged a stack each second.
test('an outage is logged when it begins, when its reason changes, and when it ends', async () => {
  const { lines, logger } = recordingLogger()
  const logged = logOutages(logger, { failed: 'could not look', again: 'looks again' })
  const failing = (reason: string) => async () => {
    throw new StoreError('STORE_UNREACHABLE', reason)
  }
  await logged(async () => {})
  for (const reason of ['gone', 'gone', 'starting', 'starting']) await logged(failing(reason))
  await logged(async () => {})
  await logged(async () => {})
  await logged(failing('gone'))
  expect(lines).toEqual([
    [{ reason: 'gone' }, 'could not look'],
    [{ reason: 'starting' }, 'could not look'],
    ['looks again'],
    [{ reason: 'gone' }, 'could not look'],
  ])
})

test('an error that is not about a database or an S3 server is logged with its stack', async () => {
  const { lines, logger } = recordingLogger()
  const error = new TypeError('x is not a function')
  await logOutages(logger, { failed: 'could not look', again: '' })(() => Promise.reject(error))
  expect(lines).toEqual([[{ err: error }, 'could not look']])
})
