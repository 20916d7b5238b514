import { resolve } from 'node:path'
import type { StackConfig } from './config.js'
import type { Fields, LogLine } from './log-line.js'
import { type Program, startProgram } from './program.js'
import { type PlannedProgram, planPrograms } from './programs.js'
import { readiness, StackError } from './readiness.js'
import { describeTakenAddresses } from './taken-addresses.js'

/** The addresses of a running stack. */
export interface StackAddresses {
  /** `host:port` of the converter. */
  readonly converter: string
  /** The broker's URL; the path of an embedded one absolute. */
  readonly broker: string
  readonly topic: string
  /** `smtp://host:port` */
  readonly smtp: string
  /** The inbox's web page; undefined if an external mail server is configured. */
  readonly inbox: string | undefined
  /** The web page; undefined if the stack has none. */
  readonly web: string | undefined
  /** `http://host:port` of the notifier's probes. */
  readonly notifier: string
  /** `http://host:port` of the webhook's probes; undefined if there is none. */
  readonly webhook: string | undefined
  /** The data folder, absolute. */
  readonly data: string
}

export interface Stack {
  readonly addresses: StackAddresses
  readonly programs: readonly { readonly name: string; readonly pid: number | undefined }[]
  /** Resolves to a message if a program ends without being stopped. */
  readonly broken: Promise<string>
  /** Stops every program, intake first, and waits. Idempotent. */
  stop(): Promise<void>
}

export interface StartStackOptions {
  readonly config: StackConfig
  readonly env: NodeJS.ProcessEnv
  /** Serves the web page too. Default true. */
  readonly web?: boolean
  /** Called with every line that a program writes. */
  onLine(program: string, line: LogLine): void
  /** Called when stopping waits for `program`. */
  waiting?(program: string): void
  /** Aborts the start and stops the programs that run. */
  readonly signal: AbortSignal
}

/** A converter may take 40 s to finish its conversions. */
const graceMs = 45_000

/** Starts every program; resolves when all are ready. If one cannot start, stops the others and rejects with StackError. */
export async function startStack(options: StartStackOptions): Promise<Stack> {
  const { config, env, onLine, signal } = options
  const planned = planPrograms(config, env)
  const { web: hasWeb = true } = options
  const programs = [
    planned.inbox,
    planned.converter,
    planned.notifier(''),
    planned.webhook,
    hasWeb ? planned.web('') : undefined,
  ]
  const taken = await describeTakenAddresses(programs.filter((program) => program !== undefined))
  if (taken.length > 0) throw new StackError(taken.join('\n'))

  const running = new Map<string, Program>()
  let stopped: Promise<void> | undefined
  const stop = () => {
    stopped ??= stopInOrder(running, options.waiting)
    return stopped
  }
  let reportBroken: (what: string) => void
  const broken = new Promise<string>((resolve) => {
    reportBroken = resolve
  })
  const start = async (program: PlannedProgram): Promise<Fields> => {
    if (stopped) throw new StackError('Stopped while starting.')
    const started = startProgram(program, (line) => onLine(program.name, line))
    running.set(program.name, started)
    void started.ended.then((ending) => {
      if (!stopped) reportBroken(`The ${program.name} ended unexpectedly: ${ending.how}.`)
    })
    return readiness(started, signal)
  }

  const startMailing = async () => {
    const inbox = planned.inbox ? await start(planned.inbox) : undefined
    const smtp = String(inbox?.['smtp'] ?? config.foreignSmtp)
    return { smtp, inbox, notifier: await start(planned.notifier(smtp)) }
  }

  const startConverting = async () => {
    const fields = await start(planned.converter)
    const converter = config.converter.replace(/:0$/, `:${fields['port']}`)
    return { converter, web: hasWeb ? await start(planned.web(converter)) : undefined }
  }

  try {
    const [{ converter, web }, { smtp, inbox, notifier }, webhook] = await Promise.all([
      startConverting(),
      startMailing(),
      planned.webhook && start(planned.webhook),
    ])
    return {
      addresses: {
        converter,
        web: web ? String(web['url']) : undefined,
        broker: absoluteBroker(config.broker),
        topic: config.topic,
        smtp,
        inbox: inbox ? String(inbox['web']) : undefined,
        notifier: String(notifier['probes']),
        webhook: webhook && String(webhook['probes']),
        data: config.data,
      },
      programs: [...running.values()].map(({ name, pid }) => ({ name, pid })),
      broken,
      stop,
    }
  } catch (error) {
    await stop()
    throw error
  }
}

/** For clients that run in another folder. */
const absoluteBroker = (url: string) =>
  url.startsWith('embedded:') ? `embedded:${resolve(url.slice('embedded:'.length))}` : url

async function stopInOrder(
  running: ReadonlyMap<string, Program>,
  waiting: ((program: string) => void) | undefined,
): Promise<void> {
  // Intake first: finished conversions are still announced, and announced ones still mailed.
  for (const name of ['web', 'converter', 'webhook', 'notifier', 'inbox']) {
    const timer = setTimeout(() => waiting?.(name), 1500)
    await running.get(name)?.stop(graceMs)
    clearTimeout(timer)
  }
}
