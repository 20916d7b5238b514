import { execFile } from 'node:child_process'
import { promisify } from 'node:util'

export interface Finished {
  readonly status: number
  readonly stdout: string
  readonly stderr: string
}

const run = promisify(execFile)

/** Runs `docker …`. Never rejects. */
export async function docker(
  args: readonly string[],
  { cwd, env = {} }: { cwd?: string; env?: Record<string, string> } = {},
): Promise<Finished> {
  const options = { cwd, env: { ...process.env, ...(cwd ? { PWD: cwd } : {}), ...env } }
  try {
    return { status: 0, ...(await run('docker', args, options)) }
  } catch (error) {
    const { code, stdout, stderr } = error as { code: number; stdout: string; stderr: string }
    return { status: code, stdout, stderr }
  }
}

/** `docker compose …` for the project that tests/docker/run has started. */
export const compose = (args: readonly string[], options?: Parameters<typeof docker>[1]) =>
  docker(['compose', ...args], options)

/**
 * `docker compose run --rm herald …` in the folder of pictures. Without its dependencies, which run: several
 * commands at once would create scaled ones again, each in the way of the other.
 */
export const herald = (args: readonly string[], options: Parameters<typeof docker>[1] = {}) =>
  compose(['run', '--rm', '--no-deps', '--no-TTY', 'herald', ...args], {
    cwd: pictures,
    ...options,
  })

/** The folder in which the README's commands were run. It contains `photo.jpg`. */
export const pictures = process.env['HERALD_PICTURES'] ?? '.'

/** The addresses of a service's containers. */
export async function addressesOf(service: string): Promise<string[]> {
  const { stdout: ids } = await compose(['ps', '--quiet', service])
  const format = '{{range .NetworkSettings.Networks}}{{.IPAddress}} {{end}}'
  const { stdout } = await docker(['inspect', '--format', format, ...ids.trim().split('\n')])
  return stdout.trim().split(/\s+/)
}
