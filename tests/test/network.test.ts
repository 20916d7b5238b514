import { execFile } from 'node:child_process'
import { createServer } from 'node:net'
import { promisify } from 'node:util'
import { describe, expect, onTestFinished, test } from 'vitest'
import { type Machine, openNetwork, type Service, services } from '#src/faults/network'

const opened = await openNetwork(2)
const leftOut = 'missing' in opened ? ` (left out: ${opened.missing})` : ''
if (!('missing' in opened)) await opened.close()

const run = promisify(execFile)
const connect = `require('node:net').connect(process.argv[2], process.argv[1])
  .on('connect', () => process.exit(0)).setTimeout(500, () => process.exit(1))`

describe.skipIf(leftOut !== '')(`machines in network namespaces${leftOut}`, () => {
  test('reach every service but those that they are cut off from, until they are connected again', async () => {
    const created = await openNetwork(2)
    if ('missing' in created) throw new Error(created.missing)
    const network = created
    onTestFinished(network.close)
    const ports = {} as Record<Service, number>
    for (const service of services) {
      const server = createServer((socket) => socket.on('error', () => {}))
      await new Promise<void>((resolve) => server.listen(0, network.addresses[service], resolve))
      onTestFinished(() => void server.close())
      ports[service] = (server.address() as { port: number }).port
    }
    const [one, other] = network.machines as [Machine, Machine]

    async function reached({ launcher: [program = '', ...args] }: Machine): Promise<Service[]> {
      const found: Service[] = []
      for (const service of services) {
        const to = [network.addresses[service], String(ports[service])]
        const isReached = await run(program, [
          ...args,
          process.execPath,
          '-e',
          connect,
          ...to,
        ]).then(
          () => true,
          () => false,
        )
        if (isReached) found.push(service)
      }
      return found
    }

    expect(await reached(one)).toEqual(['Kafka', 'PostgreSQL', 'mail'])
    await one.cutOff(['PostgreSQL'])
    expect(await reached(one)).toEqual(['Kafka', 'mail'])
    expect(await reached(other)).toEqual(['Kafka', 'PostgreSQL', 'mail'])
    await one.cutOff(['Kafka', 'mail'])
    expect(await reached(one)).toEqual([])
    await one.reconnect()
    expect(await reached(one)).toEqual(['Kafka', 'PostgreSQL', 'mail'])
  })
})
