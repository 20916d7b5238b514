import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, vi } from 'vitest'
import { type RealConverter, startConverter } from './real-converter.js'

const bin = fileURLToPath(new URL('../bin/herald.js', import.meta.url))

/** `herald web` as a process of its own, in a data folder that outlives it. */
export interface WebPage {
  readonly url: string
  readonly probes: string
  readonly pid: number
  /** The lines it has written so far. */
  readonly log: readonly string[]
  /** SIGTERM, or the signal given; resolves to the exit status. */
  stop(signal?: NodeJS.Signals): Promise<number | null>
}

export interface WebFolder {
  readonly data: string
  readonly brokerUrl: string
  start(env?: Record<string, string>): Promise<WebPage>
  close(): Promise<void>
}

export async function openWebFolder(converter: string): Promise<WebFolder> {
  const data = await mkdtemp(join(tmpdir(), 'herald-web-'))
  const brokerUrl = `embedded:${join(data, 'broker')}`
  const running = new Set<ChildProcess>()
  return {
    data,
    brokerUrl,
    async start(env = {}) {
      const child = spawn(process.execPath, [bin, 'web'], {
        env: {
          PATH: process.env['PATH'],
          HERALD_CONVERTER: converter,
          HERALD_BROKER: brokerUrl,
          HERALD_DATA: data,
          HERALD_WEB_LISTEN: '127.0.0.1:0',
          HERALD_WEB_PROBES: '127.0.0.1:0',
          ...env,
        },
        stdio: ['ignore', 'ignore', 'pipe'],
      })
      running.add(child)
      const exited = once(child, 'exit').then(([status]) => {
        running.delete(child)
        return status as number | null
      })
      const lines: string[] = []
      for await (const line of createInterface({ input: child.stderr })) {
        lines.push(line)
        if (!line.includes('"msg":"ready"')) continue
        createInterface({ input: child.stderr }).on('line', (more) => lines.push(more))
        const { url, probes } = JSON.parse(line) as { url: string; probes: string }
        return {
          url,
          probes,
          pid: child.pid as number,
          log: lines,
          stop(signal = 'SIGTERM') {
            child.kill(signal)
            return exited
          },
        }
      }
      throw new Error(`the web page did not start:\n${lines.join('\n')}`)
    },
    async close() {
      for (const child of running) child.kill('SIGKILL')
      await rm(data, { recursive: true, force: true })
    },
  }
}

export interface OpenedWebPage {
  readonly converter: RealConverter
  readonly folder: WebFolder
  readonly page: WebPage
}

/** A web page on a converter and a folder of its own, for the `describe` it is called in. */
export function useWebPage(opened: (web: OpenedWebPage) => void): void {
  let converter: RealConverter | undefined
  let folder: WebFolder | undefined
  beforeAll(async () => {
    converter = await startConverter()
    folder = await openWebFolder(converter.address)
    opened({ converter, folder, page: await folder.start() })
  })
  afterAll(async () => {
    await folder?.close()
    await converter?.close()
  })
}

/** A browser that shows nothing: it keeps its cookie, or begins with that one, and sends forms. */
export function openCaller(page: Pick<WebPage, 'url'>, cookie = '') {
  const get = async (path: string, init: RequestInit = {}) => {
    const headers = new Headers(init.headers)
    if (cookie) headers.set('Cookie', cookie)
    const response = await fetch(new URL(path, page.url), { redirect: 'manual', ...init, headers })
    cookie = response.headers.get('set-cookie')?.split(';')[0] ?? cookie
    return response
  }
  const send = (
    fields: Record<string, string>,
    file: { name: string; content: Uint8Array },
    headers: Record<string, string> = {},
  ) => {
    const form = new FormData()
    for (const [name, value] of Object.entries(fields)) form.set(name, value)
    form.set('file', new Blob([file.content as Uint8Array<ArrayBuffer>]), file.name)
    return get('/convert', {
      method: 'POST',
      body: form,
      headers: { Accept: 'application/json', ...headers },
    })
  }
  return {
    get,
    send,
    /** What it sends as `Cookie`. */
    cookie: () => cookie,
    /** Sends a file and resolves to its token, when it is over. */
    async convert(fields: Record<string, string>, file: { name: string; content: Uint8Array }) {
      const response = await send(fields, file)
      if (response.status !== 202) throw new Error(`${response.status} ${await response.text()}`)
      const { token } = (await response.json()) as { token: string }
      const html = await vi.waitFor(
        async () => {
          const text = await (await get(`/c/${token}`)).text()
          if (!/class="card result (converted|failed)"/.test(text)) throw new Error('not over yet')
          return text
        },
        { timeout: 60_000, interval: 30 },
      )
      return { token, html }
    },
  }
}
