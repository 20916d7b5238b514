import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { expect, test, vi } from 'vitest'
import { parseSecrets, sign } from '#src/webhook/signature'
import { message, publish } from './publish.js'
import { type ReceivedPost, startReceiver } from './receiver.js'
import { fileConverted } from './sample-events.js'
import { useStage } from './stage.js'

const stage = useStage()
const secret = `whsec_${Buffer.alloc(32, 7).toString('base64')}`
const patience = { timeout: 60_000, interval: 50 }

/** The receiver of docs/webhooks.md, unchanged. */
async function startExample() {
  const page = await readFile(
    fileURLToPath(new URL('../../docs/webhooks.md', import.meta.url)),
    'utf8',
  )
  const [, code = ''] = /```js\n([\s\S]*?)```/.exec(page) ?? []
  const folder = await mkdtemp(join(tmpdir(), 'herald-receiver-'))
  stage.defer(() => rm(folder, { recursive: true, force: true }))
  await writeFile(join(folder, 'receiver.mjs'), code)
  const child: ChildProcess = spawn(process.execPath, [join(folder, 'receiver.mjs')], {
    env: { PATH: process.env['PATH'], PORT: '0', HERALD_WEBHOOK_SECRET: secret },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  stage.defer(() => child.kill('SIGKILL'))
  const lines: string[] = []
  if (child.stdout) createInterface({ input: child.stdout }).on('line', (line) => lines.push(line))
  await vi.waitFor(() => expect(lines[0]).toMatch(/^listening on \d+$/), patience)
  return { lines, url: `http://127.0.0.1:${lines[0]?.split(' ').at(-1)}/hook` }
}

test('the documented receiver accepts what Herald sends, and refuses it replayed, late or forged', async () => {
  const { lines, url } = await startExample()
  // Records each request and forwards it.
  const overheard: ReceivedPost[] = []
  const between = await startReceiver()
  stage.defer(() => between.close())
  const post = async (headers: Record<string, unknown>, body: Buffer) => {
    const sent = Object.entries(headers).filter(([name]) => /^(ce|webhook|content-type)/.test(name))
    const response = await fetch(url, {
      method: 'POST',
      headers: Object.fromEntries(sent.filter(([name]) => name !== 'content-length')) as Record<
        string,
        string
      >,
      body: new Uint8Array(body),
    })
    return response.status
  }
  between.answer = async (heard) => {
    overheard.push(heard)
    return [await post(heard.headers, heard.body)]
  }
  await stage.startWebhook({ HERALD_WEBHOOK_URL: between.url, HERALD_WEBHOOK_SECRET: secret })
  await publish(stage.broker, [message(fileConverted())])
  const said = 'herald.file.converted.v1 01890a5d-ac96-774b-bcce-b302099a8057'
  await vi.waitFor(() => expect(lines).toContain(said), patience)
  const [{ headers, body } = { headers: {}, body: Buffer.alloc(0) }] = overheard

  // Answered like the first one, so that a real second attempt ends, but not processed again.
  expect(await post(headers, body)).toBe(204)
  expect(await post(headers, Buffer.from('{"conversionId":"forged"}'))).toBe(400)
  const keys = parseSecrets(secret)
  const late = sign(keys, 'msg_late', body, Date.now() - 301_000)
  expect(await post({ ...headers, ...late }, body)).toBe(400)
  const early = sign(keys, 'msg_early', body, Date.now() + 600_000)
  expect(await post({ ...headers, ...early }, body)).toBe(400)
  // The time of an old request cannot be changed.
  const redated = { ...late, 'webhook-timestamp': String(Math.floor(Date.now() / 1000)) }
  expect(await post({ ...headers, ...redated }, body)).toBe(400)
  expect(await post({ ...headers, ...sign(keys, 'msg_new', body) }, body)).toBe(204)
  await vi.waitFor(
    () =>
      expect(lines.slice(1)).toEqual([
        said,
        'refused: replayed',
        'refused: forged',
        'refused: late',
        'refused: late',
        'refused: forged',
        said,
      ]),
    patience,
  )
})
