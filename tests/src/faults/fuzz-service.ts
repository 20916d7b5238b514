import { mkdir, readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type ConverterClient, openConverter } from '@herald/client/converter-client'
import { startProgram } from '@herald/stack/program'

const main = fileURLToPath(
  new URL('../../../../converter-service/dist/src/main.js', import.meta.url),
)

/** A converter in its own process, observed from outside. */
export interface FuzzService {
  /** `host:port`. */
  readonly address: string
  readonly client: ConverterClient
  /** Undefined while it runs; else how it ended. */
  ended(): string | undefined
  /** How often children were replaced, by reason. */
  replacedChildren(): Readonly<Record<string, number>>
  /** Resident memory in bytes: its own first, then that of each descendant. */
  residentBytes(): Promise<number[]>
  /** Files of conversions, and anything else it or its child processes left in the temporary folder. */
  leftovers(): Promise<string[]>
  stop(): Promise<string>
}

export async function startFuzzService(
  folder: string,
  env: Readonly<Record<string, string>>,
): Promise<FuzzService> {
  const temporary = join(folder, 'tmp')
  await mkdir(temporary)
  const replacedChildren: Record<string, number> = {}
  const program = startProgram(
    {
      name: 'converter',
      main,
      env: {
        PATH: '/usr/local/bin:/usr/bin:/bin',
        HOME: folder,
        TMPDIR: temporary,
        HERALD_SPOOL: join(temporary, 'spool'),
        HERALD_CONVERTER_LISTEN: '127.0.0.1:0',
        HERALD_CONVERTER_PROBES: '127.0.0.1:0',
        ...env,
      },
    },
    (line) => {
      if ('text' in line || !('reason' in line.fields)) return
      const reason = String(line.fields['reason'])
      replacedChildren[reason] = (replacedChildren[reason] ?? 0) + 1
    },
  )
  let how: string | undefined
  const ended = program.ended.then((ending) => {
    how = `${ending.how} ${ending.lastLines.join(' ')}`
    return how
  })
  const ready = await Promise.race([program.ready, ended])
  if (typeof ready === 'string') throw new Error(`the converter did not start: ${ready}`)
  const { port } = ready
  const pid = program.pid as number
  const address = `127.0.0.1:${port}`
  const client = openConverter(address)
  return {
    address,
    client,
    ended: () => how,
    replacedChildren: () => replacedChildren,
    residentBytes: async () => Promise.all([pid, ...(await descendants(pid))].map(residentOf)),
    async leftovers() {
      const spool = join(temporary, 'spool')
      const [own = ''] = await readdir(spool)
      const spooled = await readdir(join(spool, own), { recursive: true })
      // Each child has its own empty folder while it runs.
      const homes = spooled.filter((name) => /^w-\w+$/.test(name))
      const alive = (await descendants(pid)).length
      return [
        ...spooled.filter((name) => !homes.includes(name)),
        ...homes.slice(alive),
        ...(await readdir(temporary)).filter((name) => name !== 'spool'),
      ]
    },
    async stop() {
      client.close()
      return (await program.stop(30_000)).how
    },
  }
}

async function descendants(pid: number): Promise<number[]> {
  const children = await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8').catch(() => '')
  const own = children.trim().split(' ').filter(Boolean).map(Number)
  return [...own, ...(await Promise.all(own.map(descendants))).flat()]
}

async function residentOf(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '')
  return Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1] ?? 0) * 1024
}
