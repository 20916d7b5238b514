import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { freePorts } from '@herald/runtime/test/ports'
import type { Bench, BenchContext, Comparison } from '../bench.js'
import { timed } from '../timed.js'

const root = fileURLToPath(new URL('../../../../', import.meta.url))
const path = '/usr/local/bin:/usr/bin:/bin'

export const start: Bench = {
  name: 'start',
  about: 'from the command to its output, or until the program is ready',
  guarantees: 'configuration checked, every listener up, child processes started and tested',
  async open(context) {
    const theirs = () => timed(() => untilEnd(['-e', '0'], {}))
    const node = { rival: 'node -e 0', rivalGuarantees: 'none', unit: 'ms', theirs } as const
    const service = async (main: string) => {
      const env = await freshEnv(context)
      return timed(() => untilReady(main, env, /"msg":"ready"/))
    }
    return [
      {
        ...node,
        variant: 'CLI: herald --version',
        floor: { atMost: 3 },
        goal: { atMost: 2 },
        rounds: 15,
        ours: () => timed(() => untilEnd(['client/bin/herald.js', '--version'], {})),
      },
      {
        ...node,
        variant: 'CLI: herald --help',
        floor: { atMost: 3 },
        goal: { atMost: 2 },
        rounds: 15,
        ours: () => timed(() => untilEnd(['client/bin/herald.js', '--help'], {})),
      },
      { ...node, variant: 'converter', ours: () => service('converter-service/dist/src/main.js') },
      { ...node, variant: 'notifier', ours: () => service('notifier-service/dist/src/main.js') },
      {
        ...node,
        variant: 'npm start',
        rounds: 5,
        ours: async () => {
          const env = await freshEnv(context)
          return timed(() => untilReady('stack/dist/src/start.js', env, /npx herald convert/))
        },
      },
    ] satisfies Comparison[]
  },
}

let folders = 0

/** A fresh folder and free addresses. */
async function freshEnv({ folder }: BenchContext): Promise<Record<string, string>> {
  await Promise.all(stopping.splice(0))
  const [converter, probes, notifier, smtp, inbox, web, webProbes] = await freePorts(7)
  folders += 1
  const data = join(folder, `start-${folders}`)
  return {
    HERALD_DATA: data,
    HERALD_BROKER: `embedded:${join(data, 'broker')}`,
    HERALD_SPOOL: join(data, 'spool'),
    HERALD_CONVERTER: `127.0.0.1:${converter}`,
    HERALD_CONVERTER_LISTEN: `127.0.0.1:${converter}`,
    HERALD_CONVERTER_PROBES: `127.0.0.1:${probes}`,
    HERALD_NOTIFIER_PROBES: `127.0.0.1:${notifier}`,
    HERALD_INBOX_SMTP: `127.0.0.1:${smtp}`,
    HERALD_INBOX_WEB: `127.0.0.1:${inbox}`,
    HERALD_WEB_LISTEN: `127.0.0.1:${web}`,
    HERALD_WEB_PROBES: `127.0.0.1:${webProbes}`,
  }
}

async function untilEnd(args: readonly string[], env: Record<string, string>): Promise<void> {
  const child = spawn(process.execPath, args, { cwd: root, env: { PATH: path, ...env } })
  const [code] = await once(child, 'exit')
  if (code !== 0) throw new Error(`node ${args.join(' ')} ended with ${code}`)
}

/** Resolves when the output matches `pattern`. The program stops while the next start is prepared. */
async function untilReady(
  main: string,
  env: Record<string, string>,
  pattern: RegExp,
): Promise<void> {
  const child = spawn(process.execPath, [main], { cwd: root, env: { PATH: path, ...env } })
  const ended = once(child, 'exit')
  let output = ''
  await new Promise<void>((resolve, reject) => {
    const onText = (text: string) => {
      output += text
      if (pattern.test(output)) resolve()
    }
    child.stdout.setEncoding('utf8').on('data', onText)
    child.stderr.setEncoding('utf8').on('data', onText)
    ended.then(([code]) => reject(new Error(`${main} ended with ${code}: ${output}`)))
  })
  child.kill('SIGTERM')
  stopping.push(ended)
}

const stopping: Promise<unknown>[] = []
