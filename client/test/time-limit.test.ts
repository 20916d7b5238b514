import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { expect, test } from 'vitest'
import { withTimeLimit } from '#src/time-limit'

setFlagsFromString('--expose-gc')
const collectGarbage = runInNewContext('gc') as () => void

async function untilAborted(signal: AbortSignal): Promise<unknown> {
  const collecting = setInterval(collectGarbage, 10)
  try {
    return await new Promise((resolve) => {
      signal.addEventListener('abort', ({ target }) => resolve((target as AbortSignal).reason))
    })
  } finally {
    clearInterval(collecting)
  }
}

test('the work ends with its time, also after a garbage collection', async () => {
  const { signal } = new AbortController()
  const ended = withTimeLimit({ timeoutMs: 100, signals: [signal] }, untilAborted)
  expect(await ended).toMatchObject({ name: 'TimeoutError' })
})

test('it ends with a signal, and with its reason', async () => {
  const outer = new AbortController()
  const ended = withTimeLimit({ timeoutMs: 600_000, signals: [outer.signal] }, untilAborted)
  outer.abort(new Error('the caller has gone'))
  expect(await ended).toMatchObject({ message: 'the caller has gone' })
})
