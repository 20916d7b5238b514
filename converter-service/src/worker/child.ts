import { HeraldError } from '@herald/proto/errors'
import { Engines } from '../engines/all-engines.js'
import { useThreads } from '../engines/sharp.js'
import type { ChildMessage, Order, SelfReport, Task, TaskResults } from './messages.js'

/** How often it tells what it uses while a task runs. */
const reportIntervalMs = 50
const tellsItself = process.platform !== 'linux'

function send(message: ChildMessage): void {
  // The channel may close under us when the parent dies; 'disconnect' ends us then.
  process.send?.(message, undefined, undefined, () => {})
}

const engines = await Engines.probe()

function run(task: Task): Promise<TaskResults[Task['kind']]> {
  const { format } = task.source
  switch (task.kind) {
    case 'inspect':
      return engines.for(format).inspect(task.source)
    case 'convert':
      return engines
        .for(format, task.plan.format)
        .convert(task.source, task.plan, task.target, task.limits, {
          preview: task.preview ?? false,
        })
    case 'preview':
      return engines.for(format).preview(task.source, task.limits)
  }
}

// exit() would wait for the native threads, which may take for ever.
process.on('disconnect', () => process.kill(process.pid, 'SIGKILL'))
// The terminal's Ctrl-C reaches the whole group; when to end is the parent's decision.
process.on('SIGINT', () => {})
process.on('SIGTERM', () => {})

process.on('message', async ({ task, threads }: Order) => {
  const before = process.cpuUsage()
  const used = (): SelfReport => {
    const { user, system } = process.cpuUsage(before)
    return { cpuMs: (user + system) / 1000, residentBytes: process.memoryUsage.rss() }
  }
  // Where there is /proc, the parent looks for itself.
  const watch = tellsItself
    ? setInterval(() => send({ kind: 'working', used: used() }), reportIntervalMs)
    : undefined
  try {
    useThreads(threads)
    const result = await run(task)
    send({ kind: 'done', result, used: used() })
  } catch (error) {
    if (error instanceof HeraldError) {
      const { code, publicMessage: message, remedy } = error
      const fault = { code, message, ...(remedy === undefined ? {} : { remedy }) }
      send({ kind: 'refused', fault, used: used() })
    } else {
      const detail = error instanceof Error ? (error.stack ?? error.message) : String(error)
      send({ kind: 'broken', detail, used: used() })
    }
  } finally {
    clearInterval(watch)
  }
})

send({
  kind: 'ready',
  engines: engines.reports,
  residentBytes: process.memoryUsage.rss(),
})
