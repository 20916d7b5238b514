import { type ChildProcess, spawn } from 'node:child_process'
import type { Socket } from 'node:net'

/**
 * Reads `add GROUP` and `drop GROUP`. When its input ends, because this process has ended in
 * whatever way, it kills the groups that are left.
 */
const script = `
trap '' INT TERM HUP
groups=' '
while read -r verb group; do
  case $verb in
    add) groups="$groups$group " ;;
    drop) groups="\${groups%% "$group" *} \${groups#* "$group" }" ;;
  esac
done
for group in $groups; do kill -s KILL -- "-$group" 2>/dev/null; done
`

/**
 * Outlives this process for a moment to kill the children's process groups: a child in native code
 * does not notice that its parent exited, and what it spawned never does.
 */
export class Guardian {
  readonly #shell: ChildProcess

  constructor() {
    // In a group of its own, so that a signal to ours does not reach it.
    this.#shell = spawn('/bin/sh', ['-c', script], {
      detached: true,
      env: {},
      cwd: '/',
      stdio: ['pipe', 'ignore', 'ignore'],
    })
    this.#shell.on('error', () => {})
    this.#shell.stdin?.on('error', () => {})
    this.#shell.unref()
    // Its pipe must not keep this process alive either.
    const pipe = this.#shell.stdin as Socket | null
    pipe?.unref()
  }

  add(group: number): void {
    this.#shell.stdin?.write(`add ${group}\n`)
  }

  drop(group: number): void {
    this.#shell.stdin?.write(`drop ${group}\n`)
  }

  /** Kills what was added and not dropped. Resolves when the guardian has exited. */
  close(): Promise<void> {
    return new Promise((resolve) => {
      const { exitCode, signalCode, pid } = this.#shell
      if (exitCode !== null || signalCode !== null || pid === undefined) return resolve()
      this.#shell.once('exit', () => resolve())
      // Else the process may end while its caller waits.
      this.#shell.ref()
      this.#shell.stdin?.end()
    })
  }
}
