import { readdir, readFile, readlink } from 'node:fs/promises'

export interface PortHolder {
  readonly pid: number
  /** Its command line, the arguments joined by spaces. */
  readonly command: string
}

/**
 * The process of this machine that listens on TCP `port`. Undefined if there is none, if it belongs
 * to another user, or on other systems than Linux.
 */
export async function portHolder(port: number): Promise<PortHolder | undefined> {
  if (process.platform !== 'linux') return undefined
  const tables = await Promise.all(['/proc/net/tcp', '/proc/net/tcp6'].map(readOrEmpty))
  const sockets = new Set(tables.flatMap((table) => listeningSockets(table, port)))
  if (sockets.size === 0) return undefined
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name))
  const found = await Promise.all(
    pids.map(async (pid) => ((await holdsOne(pid, sockets)) ? pid : undefined)),
  )
  // Of processes that inherited the socket, the parent has the lowest pid.
  const [pid] = found
    .flatMap((each) => (each === undefined ? [] : [Number(each)]))
    .sort((a, b) => a - b)
  if (pid === undefined) return undefined
  const words = (await readOrEmpty(`/proc/${pid}/cmdline`)).split('\0')
  return { pid, command: words.join(' ').trim() }
}

/** Inodes of the sockets in state LISTEN on the port: columns 2, 4 and 10 of /proc/net/tcp (proc(5)). */
function listeningSockets(table: string, port: number): string[] {
  return table.split('\n').flatMap((line) => {
    const [, local = '', , state, , , , , , inode = ''] = line.trim().split(/\s+/)
    const itsPort = Number.parseInt(local.slice(local.lastIndexOf(':') + 1), 16)
    return state === '0A' && itsPort === port ? [`socket:[${inode}]`] : []
  })
}

async function holdsOne(pid: string, sockets: ReadonlySet<string>): Promise<boolean> {
  const files = await readdir(`/proc/${pid}/fd`).catch(() => [])
  for (const file of files) {
    if (sockets.has(await readlink(`/proc/${pid}/fd/${file}`).catch(() => ''))) return true
  }
  return false
}

function readOrEmpty(path: string): Promise<string> {
  return readFile(path, 'utf8').catch(() => '')
}
