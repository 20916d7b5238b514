import type { ReceivedConvertResponse } from '@herald/proto/converter'
import { expect, test } from 'vitest'
import { type ConvertCall, runConvertCall } from '#src/convert-call'

// A page that showed that the file waits must not go on to do so while the first bytes arrive.
test('a converter that falls silent is given up; a call that it has admitted counts as uploading', async () => {
  let cancelled = () => {}
  const untilCancelled = new Promise<void>((resolve) => {
    cancelled = resolve
  })
  const call: ConvertCall = {
    write: () => true,
    end: () => {},
    cancel: () => cancelled(),
    on: () => {},
    async *[Symbol.asyncIterator]() {
      yield { part: 'admitted', admitted: {} } as ReceivedConvertResponse
      await untilCancelled
      throw new Error('cancelled')
    },
  }
  const upload = { name: 'a.png', sizeBytes: 0, async *open() {} }
  const stages: string[] = []
  const options = {
    conversionId: 'x',
    renditions: [],
    traceparent: '',
    signal: new AbortController().signal,
    receive: () => Promise.reject(new Error('there is no rendition')),
    onProgress: ({ stage }: { stage: string }) => void stages.push(stage),
  }
  await expect(
    runConvertCall(call, upload, options, { firstMs: 60_000, laterMs: 20 }),
  ).rejects.toMatchObject({
    code: 'HERALD_UNREACHABLE',
    message: 'The converter has sent nothing for 0.02 s.',
  })
  await untilCancelled
  expect(stages).toEqual(['STAGE_UPLOADING'])
})
