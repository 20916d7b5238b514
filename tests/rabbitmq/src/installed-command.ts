import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { RabbitmqInstallation } from './find-rabbitmq.js'

/** Files of this machine that a program in another root folder reads, if they exist. */
const shared = ['hosts', 'nsswitch.conf', 'passwd', 'group'].map((name) => `/etc/${name}`)

/**
 * The command that runs a program of an installation, `rabbitmq-server` or a path. One in a root folder of
 * its own runs in bubblewrap and sees that root, `folder` and the folder for temporary files. Processes,
 * users and the network are this machine's: process ids and signals are as without it.
 */
export function installedCommand(
  { programs, root }: RabbitmqInstallation,
  { program, folder }: { readonly program: string; readonly folder: string },
): readonly [file: string, ...args: string[]] {
  const path = program.startsWith('/') ? program : join(programs, program)
  if (root === undefined) return [path]
  return [
    'bwrap',
    ...['--ro-bind', join(root, 'usr'), '/usr'],
    ...['bin', 'lib', 'lib64', 'sbin'].flatMap((name) => ['--symlink', `usr/${name}`, `/${name}`]),
    ...shared.flatMap((file) => ['--ro-bind-try', file, file]),
    ...['--dev-bind', '/dev', '/dev', '--bind', '/proc', '/proc', '--ro-bind', '/sys', '/sys'],
    ...[tmpdir(), folder].flatMap((each) => ['--bind', each, each]),
    ...['--', path],
  ]
}
