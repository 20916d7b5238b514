import { execFile } from 'node:child_process'
import { access, constants } from 'node:fs/promises'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { RenditionRequest } from './sharp.js'

const run = promisify(execFile)

/** Where `bench/rivals/install` installs. */
export const rivalsFolder = join(homedir(), '.cache', 'herald', 'rivals')
export const howToInstall = 'run bench/rivals/install'

/** A program that converts one file and ends. */
export interface Tool {
  readonly name: string
  readonly version: string
  convert(source: string, target: string, request: RenditionRequest): Promise<unknown>
}

/** ImageMagick, with the same size, quality and orientation. */
export async function findImageMagick(): Promise<Tool | { missing: string }> {
  for (const program of ['magick', 'convert-im6.q16', 'convert-im6']) {
    try {
      const { stdout } = await run(program, ['-version'])
      return {
        name: 'ImageMagick',
        version: /ImageMagick (\S+)/.exec(stdout)?.[1] ?? 'unknown',
        convert: (source, target, { width, format }) => {
          const shape = ['-auto-orient', '-resize', `${width}x`, '-strip']
          return run(program, [source, ...shape, '-quality', qualities[format], target])
        },
      }
    } catch {
      // Try the next name.
    }
  }
  return { missing: 'ImageMagick is not installed: apt-get install imagemagick' }
}

export async function findSharpCli(): Promise<Tool | { missing: string }> {
  const program = join(rivalsFolder, 'sharp-cli', 'node_modules', '.bin', 'sharp')
  try {
    await access(program, constants.X_OK)
  } catch {
    return { missing: `sharp-cli is not installed: ${howToInstall}` }
  }
  const { stdout } = await run(program, ['--version'])
  return {
    name: 'sharp-cli',
    version: stdout.trim(),
    convert: (source, target, { width, format }) => {
      const effort = format === 'avif' ? ['--effort', '2'] : []
      const args = ['-i', source, '-o', target, '-f', format, '-q', qualities[format], ...effort]
      return run(program, [...args, 'resize', String(width)])
    },
  }
}

export const qualities = { webp: '80', jpeg: '82', avif: '55' } as const
