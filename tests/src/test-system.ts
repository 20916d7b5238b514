import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type InboxClient, openInboxClient } from '@herald/mailhog/inbox-client'
import { freePorts } from '@herald/runtime/test/ports'
import { loadConfig } from '@herald/stack/config'
import { type Ending, type Program, startProgram } from '@herald/stack/program'
import { planPrograms } from '@herald/stack/programs'

export type ProgramName = 'inbox' | 'converter' | 'notifier' | 'web'

export interface CliResult {
  /** Null after a signal. */
  readonly exitCode: number | null
  readonly stdout: string
  readonly stderr: string
}

/** Herald's programs in separate processes, which a test starts and stops one by one. */
export interface TestSystem {
  /** Contains everything the system writes; `close` deletes it. */
  readonly folder: string
  /** The environment of every program, the CLI included. */
  readonly env: NodeJS.ProcessEnv
  /** Starts a program at its fixed address; resolves when it is ready. */
  start(program: ProgramName): Promise<void>
  /** SIGTERM, or the signal given; resolves when it has ended. */
  stop(program: ProgramName, signal?: 'SIGTERM' | 'SIGKILL'): Promise<Ending>
  /** Of the current process. */
  pid(program: ProgramName): number
  /** The log lines of the program so far, over all its starts. */
  log(program: ProgramName): readonly string[]
  inbox(): Promise<InboxClient>
  /** Runs the CLI, under a command such as `strace` if one is given. `started` is called with its pid at once. */
  herald(
    args: readonly string[],
    started?: (pid: number) => void,
    under?: readonly string[],
  ): Promise<CliResult>
  close(): Promise<void>
}

const bin = fileURLToPath(new URL('../../../client/bin/herald.js', import.meta.url))

/**
 * The embedded broker and the MailDev inbox on free ports, unless `more` sets HERALD_BROKER,
 * or HERALD_SMTP and HERALD_INBOX. Starts nothing yet.
 */
export async function openTestSystem(more: NodeJS.ProcessEnv = {}): Promise<TestSystem> {
  const folder = mkdtempSync(join(tmpdir(), 'herald-test-'))
  const [converter, inboxSmtp, inboxWeb, web, ...probes] = await freePorts(7)
  const inherited = Object.entries(process.env).filter(([name]) => !name.startsWith('HERALD_'))
  const env: NodeJS.ProcessEnv = {
    ...Object.fromEntries(inherited),
    HERALD_CONVERTER: `127.0.0.1:${converter}`,
    HERALD_CONVERTER_PROBES: `127.0.0.1:${probes[0]}`,
    HERALD_NOTIFIER_PROBES: `127.0.0.1:${probes[1]}`,
    HERALD_INBOX_SMTP: `127.0.0.1:${inboxSmtp}`,
    HERALD_INBOX_WEB: `127.0.0.1:${inboxWeb}`,
    HERALD_WEB_LISTEN: `127.0.0.1:${web}`,
    HERALD_WEB_PROBES: `127.0.0.1:${probes[2]}`,
    HERALD_BROKER: `embedded:${join(folder, 'broker')}`,
    HERALD_DATA: folder,
    HERALD_SPOOL: join(folder, 'spool'),
    ...more,
  }
  const planned = planPrograms(loadConfig(env), env)
  const specs = {
    inbox: planned.inbox,
    converter: planned.converter,
    web: planned.web(`127.0.0.1:${converter}`),
    notifier: planned.notifier(more['HERALD_SMTP'] ?? `smtp://127.0.0.1:${inboxSmtp}`),
  }
  const running = new Map<ProgramName, Program>()
  const logs: Record<ProgramName, string[]> = { inbox: [], converter: [], notifier: [], web: [] }

  const stop = async (name: ProgramName, signal: 'SIGTERM' | 'SIGKILL' = 'SIGTERM') => {
    const program = running.get(name)
    if (program?.pid === undefined) throw new Error(`the ${name} is not running`)
    running.delete(name)
    if (signal === 'SIGTERM') return program.stop(30_000)
    process.kill(program.pid, signal)
    return program.ended
  }

  return {
    folder,
    env,
    async start(name) {
      const spec = specs[name]
      if (spec === undefined) throw new Error(`this test system has no ${name}`)
      const program = startProgram(spec, (line) => logs[name].push(JSON.stringify(line)))
      running.set(name, program)
      await Promise.race([
        program.ready,
        program.ended.then(({ how, lastLines }) => {
          throw new Error(`the ${name} did not start: ${how} ${lastLines.join('\n')}`)
        }),
      ])
    },
    stop,
    pid(name) {
      const pid = running.get(name)?.pid
      if (pid === undefined) throw new Error(`the ${name} is not running`)
      return pid
    },
    log: (name) => logs[name],
    inbox: () => openInboxClient(more['HERALD_INBOX'] ?? `http://127.0.0.1:${inboxWeb}`),
    herald: (args, started, under = []) =>
      new Promise((resolve) => {
        const [command = '', ...commandArgs] = [...under, process.execPath, bin, ...args]
        const child = execFile(
          command,
          commandArgs,
          { env, maxBuffer: 16 * 1024 ** 2 },
          (_error, stdout, stderr) => resolve({ exitCode: child.exitCode, stdout, stderr }),
        )
        if (child.pid !== undefined) started?.(child.pid)
      }),
    async close() {
      await Promise.all([...running.keys()].map((name) => stop(name, 'SIGKILL')))
      rmSync(folder, { recursive: true, force: true })
    },
  }
}
