import { openBroker } from '@herald/broker'
import { silentLogger } from '@herald/runtime'
import { expect, test } from 'vitest'

const secret = /s3c|r3t/

test.each([
  'embedded://me:s3cr3t@host',
  'amqp://me:s3c r3t@host:x',
  'amqp://me:s3c"r3t@host:x',
  'amqp://me:s3c@r3t@host',
  'amqp://me:s3c?r3t@host',
  'amqp://me:s3c/r3t@host',
  'amqp://me:s3cr3t',
  'amqp:me:s3cr3t@host',
  'kafka://me:s3cr3t',
  'kafka://me:s3c?r3t@host:9092',
  'nats://s3cr3t@host:99999',
  'nats://s3c?r3t@host',
  'nats://s3c@r3t@host',
  'nats://me:s3cr3t@host?to=x',
])('no error about a URL shows its secret: %s', async (url) => {
  const error = await openBroker(url, { logger: silentLogger }).catch((each) => each)
  expect(error).toMatchObject({ code: 'BROKER_BAD_URL' })
  expect(error.message).not.toMatch(secret)
})

test('a parameter that does not exist is named', async () => {
  await expect(openBroker('kafka://host?sll=true', { logger: silentLogger })).rejects.toThrow(
    'sets sll, but only ',
  )
})
