import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readFileSync } from 'node:fs'
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** With another value than 0, a process may trace only those it has started, or none. */
const ptraceScope = '/proc/sys/kernel/yama/ptrace_scope'

/** Why calls cannot be traced here. */
export function whyNotTraced(): string | undefined {
  const { status, error, stderr } = spawnSync('strace', ['-f', '-o', '/dev/null', 'true'])
  if (status !== 0) {
    return `strace does not work here: ${error?.message ?? stderr.toString().trim()}`
  }
  const scope = existsSync(ptraceScope) ? readFileSync(ptraceScope, 'utf8').trim() : '0'
  if (scope === '0' || process.getuid?.() === 0) return undefined
  return `${ptraceScope} is ${scope}, expected 0: only root may trace a server`
}

export interface TracedCalls {
  /** Calls that return once data is on the disk. */
  readonly syncs: number
  /** Calls that write to a file or a connection. */
  readonly writes: number
}

// Without msync: none of the servers maps the file of the events, and Kafka maps an index of its metadata.
const syncCalls = ['fsync', 'fdatasync', 'sync_file_range']
const writeCalls = ['write', 'writev', 'pwrite64', 'pwritev', 'pwritev2']
const call = new RegExp(`\\b(${[...syncCalls, ...writeCalls].join('|')})\\((\\d*)`)
/** Kafka syncs it about twice a second, whatever is published. */
const kafkaMetadata = '__cluster_metadata'
/** In the flags of /proc/PID/fdinfo: a write returns when it is synced. O_SYNC includes it. */
const dsync = 0o10000

/** Counts calls of these processes during `work`. */
export async function traceCalls(
  pids: readonly number[],
  work: () => Promise<unknown>,
): Promise<TracedCalls> {
  const folder = await mkdtemp(join(tmpdir(), 'herald-trace-'))
  try {
    let syncs = 0
    let writes = 0
    const tracers = await Promise.all(
      pids.map(async (pid) => ({ pid, trace: await attach(pid, join(folder, String(pid))) })),
    )
    await work()
    for (const { pid, trace } of tracers) {
      const synced = await syncedDescriptors(pid)
      for (const line of (await trace.end()).split('\n')) {
        if (line.includes(kafkaMetadata)) continue
        const [, name = '', descriptor = ''] = call.exec(line) ?? []
        if (syncCalls.includes(name)) syncs += 1
        if (!writeCalls.includes(name)) continue
        writes += 1
        if (synced.has(descriptor)) syncs += 1
      }
    }
    return { syncs, writes }
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

/** Resolves when strace has attached to every thread. */
async function attach(pid: number, file: string) {
  const calls = `trace=${[...syncCalls, ...writeCalls].join(',')}`
  // -y prints the paths of descriptors.
  const options = ['-f', '-y', '-s', '0', '-o', file, '-e', calls, '-p', String(pid)]
  const strace = spawn('strace', options, { stdio: ['ignore', 'ignore', 'pipe'] })
  const ended = once(strace, 'close')
  let output = ''
  await new Promise<void>((resolve, reject) => {
    strace.stderr.on('data', (data) => {
      output += data
      if (output.includes('attached')) resolve()
    })
    strace.once('error', reject)
    strace.once('close', () => reject(new Error(`strace ended: ${output}`)))
  })
  return {
    async end(): Promise<string> {
      strace.kill('SIGINT')
      await ended
      return readFile(file, 'utf8')
    },
  }
}

async function syncedDescriptors(pid: number): Promise<Set<string>> {
  const folder = `/proc/${pid}/fdinfo`
  const synced = new Set<string>()
  for (const descriptor of await readdir(folder)) {
    const info = await readFile(join(folder, descriptor), 'utf8').catch(() => '')
    const flags = Number.parseInt(/^flags:\s+(\d+)/m.exec(info)?.[1] ?? '0', 8)
    if (flags & dsync) synced.add(descriptor)
  }
  return synced
}
