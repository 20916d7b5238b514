import { expect, test } from 'vitest'
import type { PossibleServerFailure } from '#src/send-result'
import { createServerHealth } from '#src/server-health'

const denied: PossibleServerFailure = {
  kind: 'possibleServerFailure',
  reply: '554 denied',
  about: 'server',
  permanent: true,
}
const hung: PossibleServerFailure = {
  ...denied,
  reply: 'no answer',
  permanent: false,
  unanswered: true,
}
const spam: PossibleServerFailure = { ...denied, reply: '554 spam', about: 'mail' }

test('refusals in a row are about the server, and an accepted mail ends the row', () => {
  const health = createServerHealth()
  expect(health.recordServerFailure('a', health.begin(), denied)).toBe('unclear')
  expect(health.recordServerFailure('b', health.begin(), denied)).toBe('unclear')
  health.recordAccepted(health.begin())
  expect(health.recordServerFailure('c', health.begin(), denied)).toBe('unclear')
  expect(health.recordServerFailure('d', health.begin(), denied)).toBe('unclear')
  expect(health.recordServerFailure('e', health.begin(), denied)).toBe('server')
  expect(health.recordServerFailure('e', health.begin(), denied)).toBe('server')
})

test('a mail without an answer fails by itself if a later one is accepted', () => {
  const health = createServerHealth()
  const slow = health.begin()
  health.recordAccepted(health.begin())
  expect(health.recordServerFailure('slow', slow, hung)).toBe('mail')
  expect(health.recordServerFailure('next', health.begin(), hung)).toBe('unclear')
})

test('each count of an attempt needs another accepted mail', () => {
  const health = createServerHealth()
  expect(health.recordServerFailure('one', health.begin(), denied)).toBe('unclear')
  health.recordAccepted(health.begin())
  expect(health.recordServerFailure('one', health.begin(), denied)).toBe('mail')
  expect(health.recordServerFailure('one', health.begin(), denied)).toBe('unclear')
  health.recordAccepted(health.begin())
  expect(health.recordServerFailure('one', health.begin(), denied)).toBe('mail')
})

test.each([
  ['not answered', hung],
  ['refused for its content', spam],
])('one mail that is %s repeatedly is no failure of the server', (_, failure) => {
  const health = createServerHealth()
  for (let count = 0; count < 10; count += 1) {
    expect(health.recordServerFailure('one', health.begin(), failure)).toBe('unclear')
  }
  expect(health.recordServerFailure('two', health.begin(), failure)).toBe('unclear')
  expect(health.recordServerFailure('three', health.begin(), failure)).toBe('server')
})
