import { spawn } from 'node:child_process'
import { access, constants, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { freePorts } from '@herald/runtime/test/ports'
import type { BenchContext } from '../bench.js'
import type { RenditionRequest } from './sharp.js'
import { howToInstall, qualities, rivalsFolder } from './tools.js'

/** A server that receives an upload and returns the rendition. */
export interface RivalServer {
  readonly name: string
  readonly version: string
  convert(path: string, request: RenditionRequest): Promise<number>
}

export async function startImaginary(
  context: BenchContext,
): Promise<RivalServer | { readonly missing: string }> {
  const program = join(rivalsFolder, 'bin', 'imaginary')
  try {
    await access(program, constants.X_OK)
  } catch {
    return { missing: `imaginary is not installed: ${howToInstall}` }
  }
  const [port] = await freePorts(1)
  const child = spawn(program, ['-a', '127.0.0.1', '-p', String(port)], { stdio: 'ignore' })
  context.defer(() => child.kill('SIGKILL'))
  const url = `http://127.0.0.1:${port}`
  for (let tries = 0; ; tries++) {
    const answer = await fetch(`${url}/health`).catch(() => undefined)
    if (answer?.ok) break
    if (tries > 200) throw new Error('imaginary did not start')
    await delay(50)
  }
  return {
    name: 'imaginary',
    version: '1.2.4',
    async convert(path, { width, format }) {
      const query = `width=${width}&type=${format}&quality=${qualities[format]}&stripmeta=true`
      const answer = await fetch(`${url}/resize?${query}`, {
        method: 'POST',
        headers: { 'content-type': 'image/jpeg' },
        body: await readFile(path),
      })
      const bytes = await answer.arrayBuffer()
      if (!answer.ok) throw new Error(`imaginary returned ${answer.status} ${Buffer.from(bytes)}`)
      return bytes.byteLength
    },
  }
}
