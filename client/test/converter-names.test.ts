import { afterEach, beforeEach, expect, onTestFinished, test, vi } from 'vitest'
import { convertAtOnce, ended, hold, openFor, startHeld } from './converter-calls.js'
import { type RealConverter, startConverter } from './real-converter.js'

// Real processes; a name is looked up again after ten seconds.
vi.setConfig({ testTimeout: 90_000 })
const patiently = { timeout: 30_000 }

let first: RealConverter
beforeEach(async () => {
  first = await startConverter()
})
afterEach(() => first.close())

const portOf = ({ address }: RealConverter) => Number(address.split(':')[1])

const address = (last: number) => ({ address: `127.0.0.${last}`, family: 4 })

/** A converter on the port of `first`, at another address. */
const startBeside = async () => {
  const port = portOf(first)
  const beside = await startConverter({ HERALD_CONVERTER_LISTEN: `127.0.0.2:${port}` })
  onTestFinished(() => beside.close())
  return beside
}

test('conversions go to all of them, and to one that is added', async () => {
  const beside = await startBeside()
  let addresses = [address(1)]
  const client = openFor(`dns:///converter:${portOf(first)}`, async () => addresses)
  await convertAtOnce(client)
  addresses = [address(1), address(2)]
  await expect
    .poll(async () => {
      await convertAtOnce(client)
      return ended(beside)
    }, patiently)
    .toBeGreaterThan(0)
  expect(await ended(first)).toBeGreaterThan(0)
})

test('a call under way continues when its address is removed', async () => {
  const beside = await startBeside()
  let addresses = [address(1)]
  const client = openFor(`dns:///converter:${portOf(first)}`, async () => addresses)
  const held = await hold(client)
  addresses = [address(2)]
  await expect
    .poll(async () => {
      const next = startHeld(client)
      next.release()
      await next.finished.catch(() => {})
      return ended(beside)
    }, patiently)
    .toBeGreaterThan(1)
  held.release()
  await held.finished
  expect(held.uploads()).toBe(1)
})

test('the addresses are those of the system', async () => {
  await convertAtOnce(openFor(`dns:///localhost:${portOf(first)}`))
  expect(await ended(first)).toBe(1)
})

test('a name without an address is reported', async () => {
  await expect(openFor('dns:///nowhere.invalid:50051').formats()).rejects.toMatchObject({
    code: 'HERALD_UNREACHABLE',
    message: 'The converter at dns:///nowhere.invalid:50051 cannot be reached: unknown host.',
  })
})
