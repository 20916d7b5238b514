import { readdir, readFile, readlink } from 'node:fs/promises'

export interface PortHolder {
  readonly pid: number
  /** The command line it was started with, its words joined by spaces. */
  readonly command: string
}

/**
 * Which process of this machine listens on TCP `port`. Undefined where none does, where the
 * system does not tell (only Linux does), or where the process is another user's.
 */
export async function portHolder(port: number): Promise<PortHolder | undefined> {
  if (process.platform !== 'linux') return undefined
  const tables = await Promise.all(['/proc/net/tcp', '/proc/net/tcp6'].map(readOrNothing))
  const sockets = new Set(tables.flatMap((table) => listeningSockets(table, port)))
  if (sockets.size === 0) return undefined
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name))
  const found = await Promise.all(
    pids.map(async (pid) => ((await holdsOne(pid, sockets)) ? pid : undefined)),
  )
  // A listening socket that children inherited is its oldest holder's.
  const [pid] = found
    .flatMap((each) => (each === undefined ? [] : [Number(each)]))
    .sort((a, b) => a - b)
  if (pid === undefined) return undefined
  const words = (await readOrNothing(`/proc/${pid}/cmdline`)).split('\0')
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

function readOrNothing(path: string): Promise<string> {
  return readFile(path, 'utf8').catch(() => '')
}
