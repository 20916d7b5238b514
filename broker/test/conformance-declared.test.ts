import { expect, test } from 'vitest'
import { holdToDeclared } from './conformance/fixture.js'

const works = async () => {}
const fails = async () => {
  throw new Error('not in order')
}

test('a driver that cannot do what it declares is refused', async () => {
  await expect(holdToDeclared('orderPerKey', true, fails)).rejects.toThrow('not in order')
})

test('a driver that declares less than it can is refused', async () => {
  await expect(holdToDeclared('orderPerKey', false, works)).rejects.toThrow('orderPerKey')
})

test('a driver that declares what it can is accepted', async () => {
  await holdToDeclared('orderPerKey', true, works)
  await holdToDeclared('orderPerKey', false, fails)
})
