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
    ['notifier', 'web', 'converter'],
    ['s3', 'postgres', 'proxy'],
    ['kafka', 'kafka-2', 'kafka-3'],
  ])(
    'each container of %s, %s and %s ends with 0 within its grace, and nothing is lost',
    async (...services) => {
      const run = convertFiles(`stop-${services[0]}`, 40)
      await run.begun()
      for (const service of services) {
        const { stdout } = await compose(['ps', '--quiet', service])
        for (const id of stdout.trim().split('\n')) {
          expect(await stopAndStart(id)).toBe(0)
          // The next one only when this one is back, as a rolling restart does it.
          await healthy()
        }
      }
      await run.expectDelivered()
    },
  )
})
