import { expect, test } from 'vitest'
import { usageAtRest } from './usage.js'

test('all containers together use less than 15 % of a core at rest', async () => {
  expect(await usageAtRest()).toBeLessThan(15)
})
