import { HeraldError } from '@herald/proto/errors'
import { Engines } from '../engines/all-engines.js'
import { useThreads } from '../engines/image/sharp.js'
import type { ChildMessage, SelfReport, Task, TaskMessage, TaskResults } from './messages.js'

/** How often it reports what it uses while a task runs. */
const reportIntervalMs = 50
const reportsUsage = process.platform !== 'linux'

function send(message: ChildMessage): void {
  // The channel may close when the parent exits; 'disconnect' then ends this process.
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

// exit() would wait for native threads, which may never end.
process.on('disconnect', () => process.kill(process.pid, 'SIGKILL'))
// The parent decides when to end, whatever signals the group gets.
process.on('SIGINT', () => {})
process.on('SIGTERM', () => {})

process.on('message', async ({ task, threads }: TaskMessage) => {
  const before = process.cpuUsage()
  const used = (): SelfReport => {
    const { user, system } = process.cpuUsage(before)
    return { cpuMs: (user + system) / 1000, residentBytes: process.memoryUsage.rss() }
  }
  // With /proc, the parent samples by itself.
  const watch = reportsUsage
    ? setInterval(() => send({ kind: 'working', used: used() }), reportIntervalMs)
    : undefined
  try {
    useThreads(threads)
    const result = await run(task)
    send({ kind: 'done', result, used: used() })
  } catch (error) {
    if (error instanceof HeraldError) {
      const { code, publicMessage: message, remedy } = error
      const serialized = { code, message, ...(remedy === undefined ? {} : { remedy }) }
      send({ kind: 'refused', error: serialized, used: used() })
    } else {
      const detail = error instanceof Error ? (error.stack ?? error.message) : String(error)
      send({ kind: 'failed', detail, used: used() })
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
