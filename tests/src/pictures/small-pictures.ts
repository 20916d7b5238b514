import { mkdirSync, readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import type { TestSystem } from '../test-system.js'

/** For all pictures together, since a README is also read over slow connections. */
const maxBytes = 400_000

/** Compresses the pictures with Herald. Returns a line for each; throws if they are too large together. */
export async function compressPictures(
  system: TestSystem,
  from: string,
  to: string,
): Promise<string[]> {
  mkdirSync(to, { recursive: true })
  const names = readdirSync(from)
  const files = names.map((name) => join(from, name))
  const { exitCode, stderr } = await system.herald([
    ...['convert', ...files, '--to', 'png', '--palette', '--effort', '9'],
    ...['--out', to, '--force', '--timeout', '5m'],
  ])
  if (exitCode !== 0) throw new Error(stderr)
  const sizes = names.map((name) => statSync(join(to, name)).size)
  const total = sizes.reduce((sum, size) => sum + size, 0)
  if (total > maxBytes) throw new Error(`the pictures have ${total} bytes, more than ${maxBytes}`)
  return names.map((name, at) => `docs/pictures/${name}  ${sizes[at]} bytes`)
}
