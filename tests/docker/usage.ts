import { request } from 'node:http'
import { setTimeout as wait } from 'node:timers/promises'
import { compose, docker } from './compose.js'

/** One period of health checks. */
const roundMs = 30_000

interface Usage {
  readonly cpuMs: number
  readonly memoryBytes: number
}

/** From the engine's API, because `docker stats` shows only rates. */
function usageOf(id: string): Promise<Usage> {
  const socketPath =
    (process.env['DOCKER_HOST'] ?? '').replace('unix://', '') || '/var/run/docker.sock'
  const path = `/containers/${id}/stats?stream=false&one-shot=true`
  return new Promise((resolve, reject) => {
    request({ socketPath, path }, async (response) => {
      const stats = JSON.parse((await response.toArray()).join(''))
      const { usage, stats: parts } = stats.memory_stats
      const cached = parts.inactive_file ?? parts.total_inactive_file ?? 0
      const cpuMs = stats.cpu_stats.cpu_usage.total_usage / 1e6
      resolve({ cpuMs, memoryBytes: usage - cached })
    })
      .on('error', reject)
      .end()
  })
}

/** The processor time that each service has used so far, over its containers, in milliseconds. */
export async function processorTimes(): Promise<ReadonlyMap<string, number>> {
  const { stdout } = await compose(['ps', '--quiet'])
  const ids = stdout.trim().split('\n')
  const label = '{{index .Config.Labels "com.docker.compose.service"}}'
  const services = (await docker(['inspect', '--format', label, ...ids])).stdout.trim().split('\n')
  const times = new Map<string, number>()
  for (const [at, { cpuMs }] of (await Promise.all(ids.map(usageOf))).entries()) {
    const service = services[at] ?? ''
    times.set(service, (times.get(service) ?? 0) + cpuMs)
  }
  return times
}

/** Prints what each container uses at rest; resolves to the processor time of all, in % of a core. */
export async function usageAtRest(): Promise<number> {
  const { stdout } = await compose(['ps', '--quiet'])
  const ids = stdout.trim().split('\n')
  const names = (await docker(['inspect', '--format', '{{.Name}}', ...ids])).stdout.trim()
  const before = await Promise.all(ids.map(usageOf))
  const startedAt = performance.now()
  await wait(roundMs)
  const after = await Promise.all(ids.map(usageOf))
  const spanMs = performance.now() - startedAt
  const shares = after.map(({ cpuMs }, at) => (100 * (cpuMs - (before[at]?.cpuMs ?? 0))) / spanMs)
  for (const [at, name] of names.split('\n').entries()) {
    const memory = Math.round((after[at]?.memoryBytes ?? 0) / 1e6)
    console.log(`${name.slice(1).padEnd(30)} ${shares[at]?.toFixed(1).padStart(5)} %  ${memory} MB`)
  }
  const all = shares.reduce((sum, share) => sum + share, 0)
  console.log(`all ${all.toFixed(1)} % of a core`)
  return all
}
