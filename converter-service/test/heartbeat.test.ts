import { expect, onTestFinished, test, vi } from 'vitest'
import { type ConvertCall, Responder } from '#src/grpc/responder'

test('the last progress is repeated every ten seconds, but not while it is not read', () => {
  vi.useFakeTimers()
  onTestFinished(() => void vi.useRealTimers())
  const unread: (() => void)[] = []
  const write = vi.fn((_message: unknown, flushed: () => void) => unread.push(flushed))
  const call = { write } as unknown as ConvertCall
  const responder = new Responder(call, new AbortController().signal, 60_000)
  responder.sendProgress({ stage: 'STAGE_QUEUED', receivedBytes: 9, renditionsDone: 0 })
  const stop = responder.startHeartbeat()
  vi.advanceTimersByTime(30_000)
  expect(write).toHaveBeenCalledTimes(1)
  for (const flushed of unread.splice(0)) flushed()
  vi.advanceTimersByTime(30_000)
  expect(write).toHaveBeenCalledTimes(2)
  expect(write.mock.lastCall?.[0]).toMatchObject({ progress: { receivedBytes: 9 } })
  stop()
  for (const flushed of unread.splice(0)) flushed()
  vi.advanceTimersByTime(30_000)
  expect(write).toHaveBeenCalledTimes(2)
})
