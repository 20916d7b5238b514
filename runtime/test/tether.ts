import { type ChildProcess, spawn } from 'node:child_process'

/**
 * Kills the process group of `child`, which leads it, when this process ends, also by kill -9; then runs
 * `afterwards`, shell commands with the environment `env`. Returns what stops that.
 */
export function tether(child: ChildProcess, afterwards = '', env = process.env): () => void {
  if (child.pid === undefined) return () => {}
  const script = `read -r _; kill -9 -${child.pid} 2>/dev/null; ${afterwards}`
  const watcher = spawn('sh', ['-c', script], {
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
    env,
  })
  watcher.on('error', () => {})
  watcher.unref()
  return () => watcher.kill('SIGKILL')
}
