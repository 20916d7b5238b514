import { createRequire } from 'node:module'
import { availableParallelism, cpus } from 'node:os'
import { sharp } from './rivals/sharp.js'

const require = createRequire(import.meta.url)

/** The versions that every line of the result names. */
export function ourVersions(): Record<string, string> {
  return {
    node: process.versions.node,
    sharp: sharp.versions.sharp ?? '',
    libvips: sharp.versions.vips,
    'grpc-js': (require('@grpc/grpc-js/package.json') as { version: string }).version,
    machine: `${availableParallelism()} × ${cpus()[0]?.model.trim() ?? 'unknown'}`,
  }
}
