import { describe, expect, test } from 'vitest'
import { compose, docker } from '../compose.js'
import { convertFiles } from './run-of-files.js'

/** Stops a container, prints how long it took, and starts it again. */
async function stopAndStart(id: string): Promise<number> {
  const startedAt = performance.now()
  await docker(['stop', id])
  const { stdout } = await docker(['inspect', '--format', '{{.Name}} {{.State.ExitCode}}', id])
  const [name = '', status = ''] = stdout.trim().slice(1).split(' ')
  const seconds = ((performance.now() - startedAt) / 1000).toFixed(1)
  console.log(`docker stop ${name}: exit ${status} after ${seconds} s`)
  await docker(['start', id])
  return Number(status)
}

const healthy = () => compose(['up', '--detach', '--wait', '--no-build'])

describe('docker stop while files are converted', () => {
  test.each([
    { services: ['notifier', 'web', 'converter'], expected: 0 },
    { services: ['s3', 'postgres', 'proxy'], expected: 0 },
    // Java ends with 128 + 15 after a clean end by SIGTERM.
    { services: ['kafka', 'kafka-2', 'kafka-3'], expected: 143 },
  ])(
    'each container of $services ends with $expected within its grace, and nothing is lost',
    async ({ services, expected }) => {
      const run = convertFiles(`stop-${services[0]}`, 40)
      await run.begun()
      for (const service of services) {
        const { stdout } = await compose(['ps', '--quiet', service])
        for (const id of stdout.trim().split('\n')) {
          expect(await stopAndStart(id)).toBe(expected)
          // The next one only when this one is back, as a rolling restart does it.
          await healthy()
        }
      }
      await run.expectDelivered()
    },
  )
})
