import { expect, test } from 'vitest'
import type { Suspect } from '#src/send-result'
import { createServerHealth } from '#src/server-health'

const denied: Suspect = { kind: 'suspect', reply: '554 denied', about: 'server', permanent: true }
const hung: Suspect = { ...denied, reply: 'no answer', permanent: false, unanswered: true }
const spam: Suspect = { ...denied, reply: '554 spam', about: 'mail' }

test('refusals in a row are about the server, and an accepted mail ends the row', () => {
  const health = createServerHealth()
  expect(health.judge('a', health.begin(), denied)).toBe('unclear')
  expect(health.judge('b', health.begin(), denied)).toBe('unclear')
  health.accepted(health.begin())
  expect(health.judge('c', health.begin(), denied)).toBe('unclear')
  expect(health.judge('d', health.begin(), denied)).toBe('unclear')
  expect(health.judge('e', health.begin(), denied)).toBe('server')
  expect(health.judge('e', health.begin(), denied)).toBe('server')
})

test('a mail that waits for an answer while a later one is accepted hangs by itself', () => {
  const health = createServerHealth()
  const slow = health.begin()
  health.accepted(health.begin())
  expect(health.judge('slow', slow, hung)).toBe('mail')
  expect(health.judge('next', health.begin(), hung)).toBe('unclear')
})

test('each count of an attempt needs another accepted mail', () => {
  const health = createServerHealth()
  expect(health.judge('one', health.begin(), denied)).toBe('unclear')
  health.accepted(health.begin())
  expect(health.judge('one', health.begin(), denied)).toBe('mail')
  expect(health.judge('one', health.begin(), denied)).toBe('unclear')
  health.accepted(health.begin())
  expect(health.judge('one', health.begin(), denied)).toBe('mail')
})

test.each([
  ['answered by nobody', hung],
  ['refused for its content', spam],
])('one mail that is %s again and again does not make the server fail', (_, suspect) => {
  const health = createServerHealth()
  for (let count = 0; count < 10; count += 1) {
    expect(health.judge('one', health.begin(), suspect)).toBe('unclear')
  }
  expect(health.judge('two', health.begin(), suspect)).toBe('unclear')
  expect(health.judge('three', health.begin(), suspect)).toBe('server')
})
