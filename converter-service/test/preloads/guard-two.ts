// A process with two children that know nothing of it, one of them guarded; it waits to be killed.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { Guardian } from '#src/children/guardian'

const guardian = new Guardian()
// Says its own pid and that of what it started, which stays in its group.
const script = 'sleep 1000 & echo "$$ $!"; wait'
const start = async () => {
  const shell = spawn('sh', ['-c', script], { detached: true, stdio: ['ignore', 'pipe', 'ignore'] })
  const [line] = (await once(createInterface({ input: shell.stdout }), 'line')) as [string]
  const [pid = 0, below = 0] = line.split(' ').map(Number)
  guardian.add(pid)
  return { pid, below }
}
const guarded = await start()
const dropped = await start()
guardian.drop(dropped.pid)
console.log(JSON.stringify({ guarded: guarded.pid, below: guarded.below, dropped: dropped.pid }))
setInterval(() => {}, 1000)
