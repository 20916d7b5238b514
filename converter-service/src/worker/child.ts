import { HeraldError } from '@herald/proto/errors'
import { Engines } from '../engines/all-engines.js'
import type { ChildMessage, Task, TaskResults } from './messages.js'

/** How often the memory is looked at while a task runs. */
const memoryIntervalMs = 50

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
        .convert(task.source, task.plan, task.target, task.limits)
    case 'preview':
      return engines.for(format).preview(task.source, task.limits)
  }
}

// exit() would wait for the native threads, which may take for ever.
process.on('disconnect', () => process.kill(process.pid, 'SIGKILL'))
// The terminal's Ctrl-C reaches the whole group; when to end is the parent's decision.
process.on('SIGINT', () => {})
process.on('SIGTERM', () => {})

process.on('message', async (task: Task) => {
  const watch = setInterval(
    () => send({ kind: 'memory', residentBytes: process.memoryUsage.rss() }),
    memoryIntervalMs,
  )
  try {
    send({ kind: 'done', result: await run(task) })
  } catch (error) {
    if (error instanceof HeraldError) {
      const { code, publicMessage: message, remedy } = error
      send({
        kind: 'refused',
        fault: { code, message, ...(remedy === undefined ? {} : { remedy }) },
      })
    } else {
      send({
        kind: 'broken',
        detail: error instanceof Error ? (error.stack ?? error.message) : String(error),
      })
    }
  } finally {
    clearInterval(watch)
  }
})

send({ kind: 'ready', engines: engines.reports })
