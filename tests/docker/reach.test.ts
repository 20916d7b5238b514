import { describe, expect, test } from 'vitest'
import { addressesOf, compose, docker } from './compose.js'

// What a document could reach if it could run a program.

/** Prints those of its arguments, each `host port`, to which it can connect. */
const connect = `
  const { connect } = require('node:net')
  const connectTo = (place) => new Promise((resolve) => {
    const [host, port] = place.split(' ')
    const socket = connect({ host, port, timeout: 2000 })
    const end = (text) => { socket.destroy(); resolve(text) }
    socket.on('connect', () => end([place])).on('error', () => end([])).on('timeout', () => end([]))
  })
  Promise.all(process.argv.slice(1).map(connectTo)).then((all) => console.log(JSON.stringify(all.flat())))`

/** The same in the sandbox that LibreOffice runs in. */
const connectInSandbox = `
  import { execFileSync } from 'node:child_process'
  import { findSandbox } from '/herald/converter-service/dist/src/engines/document/sandbox.js'
  const found = await findSandbox()
  const [program, ...sandboxArgs] = [...found.sandbox('/spool'), 'node', '--eval', process.argv[1], ...process.argv.slice(2)]
  process.stdout.write(execFileSync(program, sandboxArgs))`

const others = async () => {
  const places = ['kafka 19092', 'mailhog 1025', 'mailhog 8025', 'notifier 9102', '1.1.1.1 443']
  for (const [service, port] of [
    ['kafka', 19092],
    ['kafka', 9092],
    ['mailhog', 1025],
    ['notifier', 9102],
  ] as const) {
    for (const address of await addressesOf(service)) places.push(`${address} ${port}`)
  }
  return places
}

const reachedFrom = async (service: string, places: readonly string[]) =>
  JSON.parse(
    (await compose(['exec', '--no-TTY', service, 'node', '--eval', connect, ...places])).stdout,
  ) as string[]

describe('a hostile document', () => {
  test('reaches neither Kafka, MailHog, the notifier nor the internet from the converter', async () => {
    const places = await others()
    // A container that may reach them shows that the addresses are right.
    expect(await reachedFrom('web', places)).toEqual(
      expect.arrayContaining(places.filter((place) => !place.startsWith('1.1.1.1'))),
    )
    expect(await reachedFrom('converter', places)).toEqual([])
  })

  test('reaches the callers only if it escapes the sandbox of LibreOffice', async () => {
    const callers = ['web 8080', 'gateway 50051', 'converter 50051', '127.0.0.1 50051']
    expect(await reachedFrom('converter', callers)).toEqual(callers)
    const { stdout, stderr } = await compose(
      ['exec', '--no-TTY', 'converter', 'node', '--input-type=module', '--eval'].concat(
        connectInSandbox,
        connect,
        callers,
        await others(),
      ),
    )
    expect(stderr).toBe('')
    expect(JSON.parse(stdout)).toEqual([])
  })

  test('is confined by every measure, with the seccomp profile of Herald', async () => {
    const { stdout } = await compose(['run', '--rm', '--no-TTY', 'herald', 'formats', '--json'])
    expect(JSON.parse(stdout).missingConfinement).toEqual([])
  })

  test("without the profile the converter's log names the missing measures", async () => {
    const { stdout: image } = await compose(['images', '--quiet', 'converter'])
    const main = '/herald/converter-service/dist/src/main.js'
    const flags = ['--network=none', '--read-only', '--cap-drop=ALL', '--tmpfs=/tmp:mode=1777']
    const { stdout: id } = await docker(['run', '--detach', ...flags, image.trim(), 'node', main])
    try {
      await expect
        .poll(async () => (await docker(['logs', id.trim()])).stderr, { timeout: 30_000 })
        .toMatch(/"level":40.*"missing":\[.*"no network".*"a sandbox for the document engine"/)
    } finally {
      await docker(['rm', '--force', id.trim()])
    }
  })
})
