import { type AddressInfo, createServer } from 'node:net'
import { expect, onTestFinished, test, vi } from 'vitest'
import { portHolder } from '#src/port-holder'
import { runProgramFile } from './run-program.js'

const onLinux = process.platform === 'linux'
if (!onLinux) console.warn('left out: only Linux reports the process of a port')

async function listening(host: string): Promise<number> {
  const server = createServer()
  onTestFinished(() => void server.close())
  await new Promise<void>((resolve) => server.listen(0, host, resolve))
  return (server.address() as AddressInfo).port
}

test.skipIf(!onLinux)(
  'a port of another process is found with its pid and command line',
  async () => {
    const program = runProgramFile('serves', ['127.0.0.1:0', 'a word'])
    await vi.waitFor(() => expect(program.stdout()).toContain('http://'), { timeout: 60_000 })
    const port = Number(program.stdout().match(/:(\d+)\s*$/)?.[1])
    expect(await portHolder(port)).toEqual({
      pid: program.child.pid,
      command: expect.stringMatching(/node .*serves\.js 127\.0\.0\.1:0 a word$/),
    })
  },
)

test.skipIf(!onLinux).each(['127.0.0.1', '0.0.0.0', '::1', '::'])(
  'a listener on %s is found',
  async (host) => {
    expect((await portHolder(await listening(host)))?.pid).toBe(process.pid)
  },
)

test('a free port has no holder', async () => {
  const server = createServer()
  const port = await new Promise<number>((resolve) =>
    server.listen(0, '127.0.0.1', () => resolve((server.address() as AddressInfo).port)),
  )
  await new Promise((resolve) => server.close(resolve))
  expect(await portHolder(port)).toBeUndefined()
})
