import { type Broker, openBroker } from '@herald/broker'
import { brokerName } from '@herald/broker/broker-name'
import { HeraldError } from '@herald/proto/errors'
import { silentLogger } from '@herald/runtime/logger'
import { escapeControls } from '@herald/runtime/terminal-text'
import { Bridge, bridgeGroup, isSameBroker } from '../bridge.js'
import type { CommandContext } from '../command-context.js'
import { loadConfig } from '../config.js'

export interface BridgeCommandOptions {
  readonly from: string
  readonly to: string
  readonly topic?: string[]
  readonly group?: string
  readonly once?: boolean
  readonly skipRefused?: boolean
}

/** How often the same error is printed at most. */
const sameErrorEveryMs = 30_000

/** Copies topics until it is stopped, or until all is copied. Resolves to the exit status. */
export async function bridgeCommand(
  options: BridgeCommandOptions,
  { env, terminal, signal }: CommandContext,
): Promise<number> {
  const { from, to, once = false, skipRefused = false } = options
  const { topic } = loadConfig(env)
  const topics = [...new Set(options.topic ?? [topic])]
  if (isSameBroker(from, to)) {
    throw new HeraldError('HERALD_USAGE', '--from and --to name the same broker.', {
      remedy: 'Each event would be copied onto its own topic without end.',
    })
  }
  const group = options.group ?? bridgeGroup(to)
  const source = await open('--from', from)
  try {
    const target = await open('--to', to)
    try {
      const printError = errorPrinter((line) => terminal.log(line))
      const bridges = topics.map((each) => ({
        topic: each,
        bridge: new Bridge({
          from: source,
          to: target,
          topic: each,
          group,
          skipRefused,
          onError: (position, error) => printError(each, position, error),
        }),
      }))
      for (const { bridge } of bridges) await bridge.start()
      const names = escapeControls(`${brokerName(from)} to ${brokerName(to)}`)
      terminal.log(
        `Copying ${topics.join(', ')} from ${names}, as the group ${escapeControls(group)}.`,
      )
      if (once) await Promise.all(bridges.map(({ bridge }) => bridge.untilCopied(signal)))
      else await aborted(signal)
      await Promise.all(bridges.map(({ bridge }) => bridge.close()))
      for (const { topic: each, bridge } of bridges) terminal.print(summary(each, bridge))
      return bridges.some(({ bridge }) => bridge.counts.refused > 0) ? 1 : 0
    } finally {
      await target.close()
    }
  } finally {
    await source.close()
  }
}

async function open(option: string, url: string): Promise<Broker> {
  try {
    return await openBroker(url, { logger: silentLogger })
  } catch (cause) {
    const { code, message } = cause as Error & { code?: unknown }
    if (code !== 'BROKER_BAD_URL') throw cause
    throw new HeraldError('HERALD_USAGE', `${option}: ${message}`, { cause })
  }
}

const aborted = (signal: AbortSignal) =>
  new Promise<void>((resolve) => {
    if (signal.aborted) resolve()
    else signal.addEventListener('abort', () => resolve(), { once: true })
  })

/** Every event fails while a broker cannot be reached: limits how often the same error is printed. */
function errorPrinter(print: (line: string) => void) {
  const printedAt = new Map<string, number>()
  return (topic: string, position: string, { message }: Error) => {
    const now = performance.now()
    const lastAt = printedAt.get(message)
    if (lastAt !== undefined && now - lastAt < sameErrorEveryMs) return
    if (printedAt.size > 1000) printedAt.clear()
    printedAt.set(message, now)
    print(`herald: ${topic} ${position} not copied: ${escapeControls(message)}`)
  }
}

function summary(topic: string, { counts }: Bridge): string {
  const { copied, tombstones, refused } = counts
  const parts = [
    `${copied} copied`,
    ...(tombstones > 0 ? [`${tombstones} without a value left out`] : []),
    ...(refused > 0 ? [`${refused} refused by the target and left out`] : []),
  ]
  return `${topic}: ${parts.join(', ')}`
}
