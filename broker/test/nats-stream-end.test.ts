import { expect, test } from 'vitest'
import { StreamEnd } from '#src/drivers/nats/stream-end'

const topic = { token: 't', stream: 's', bucket: 'b', partitions: 1, replicas: 1 }

test('a stream that was made again is read from its beginning, also if it is past the position', () => {
  const end = new StreamEnd(topic)
  expect(end.isBefore(5n, 'Monday', 10)).toBe(false)
  expect(end.isBefore(5n, 'Tuesday', 10)).toBe(true)
  expect(end.isBefore(5n, 'Tuesday', 10)).toBe(false)
})

test('a stream of several servers that ends too early is asked again', () => {
  const end = new StreamEnd({ ...topic, replicas: 3 })
  expect(() => end.isBefore(5n, 'Monday', 3)).toThrow(
    'the stream ends with 3, before the position 5',
  )
  expect(end.isBefore(5n, 'Monday', 4)).toBe(false)
})
