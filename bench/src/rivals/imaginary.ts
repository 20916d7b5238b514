import { spawn } from 'node:child_process'
import { access, constants, readFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import type { BenchStage } from '../bench.js'
import type { Asked } from './sharp.js'
import { bringThem, qualities, rivalsFolder } from './tools.js'

/** A server that takes an upload and answers with the rendition. */
export interface RivalServer {
  readonly name: string
  readonly version: string
  convert(path: string, asked: Asked): Promise<number>
}

export async function startImaginary(
  stage: BenchStage,
): Promise<RivalServer | { readonly missing: string }> {
  const program = join(rivalsFolder, 'bin', 'imaginary')
  try {
    await access(program, constants.X_OK)
  } catch {
    return { missing: `no imaginary here: ${bringThem}` }
  }
  const port = await freePort()
  const child = spawn(program, ['-a', '127.0.0.1', '-p', String(port)], { stdio: 'ignore' })
  stage.defer(() => child.kill('SIGKILL'))
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
      if (!answer.ok) throw new Error(`imaginary said ${answer.status} ${Buffer.from(bytes)}`)
      return bytes.byteLength
    },
  }
}

async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as { port: number }
  await new Promise((resolve) => server.close(resolve))
  return port
}
