import { execFile } from 'node:child_process'
import { promisify } from 'node:util'

/** The path of the conversion's folder inside the sandbox. */
export const folderInSandbox = '/document'

/** The command prefix that limits a program to `folder` and to installed programs. */
export type Sandbox = (folder: string) => readonly string[]

/** Programs, their libraries, fonts and settings; no account, no home, no other conversion. */
const readable = [
  '/usr',
  '/opt',
  '/bin',
  '/lib',
  '/lib64',
  '/etc/alternatives',
  '/etc/fonts',
  '/etc/ld.so.cache',
  '/etc/libreoffice',
  '/var/cache/fontconfig',
]

/** Own namespaces, no network: bwrap(1). Ends with the process that started it. */
const bubblewrap =
  (proc: readonly string[]): Sandbox =>
  (folder) => [
    'bwrap',
    '--unshare-all',
    '--die-with-parent',
    ...readable.flatMap((path) => ['--ro-bind-try', path, path]),
    ...[...proc, '--dev', '/dev', '--tmpfs', '/tmp'],
    ...['--bind', folder, folderInSandbox, '--chdir', folderInSandbox, '--'],
  ]

/**
 * A container may forbid a new /proc. In the container's own, the command lines of other processes
 * are readable, but nothing else, as they are in another user namespace.
 */
const sandboxes = [
  bubblewrap(['--proc', '/proc']),
  bubblewrap(['--ro-bind', '/proc', '/proc']),
] as const

/** Without a sandbox only its own settings and the rights of the child restrict a program. */
export const noSandbox: Sandbox = () => []

/** Bubblewrap if it is installed and may be used, else undefined. Takes some 20 ms. */
export async function findSandbox(): Promise<{ sandbox: Sandbox; version: string } | undefined> {
  for (const sandbox of sandboxes) {
    try {
      const [program = '', ...words] = sandbox('/usr')
      await promisify(execFile)(program, [...words, '/bin/sh', '-c', ':'], { timeout: 5000 })
      const { stdout } = await promisify(execFile)(program, ['--version'], { timeout: 5000 })
      return { sandbox, version: stdout.trim().split(' ').at(-1) ?? '' }
    } catch {}
  }
  return undefined
}
