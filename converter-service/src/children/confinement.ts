import { execFile } from 'node:child_process'
import { realpathSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname } from 'node:path'
import { promisify } from 'node:util'
import type { EngineReport } from '../engines/engine.js'

/** How a child process is started with fewer rights than this process. */
export interface Confinement {
  /** Precedes the program; it ends with exec, so the pid stays. */
  readonly command: readonly string[]
  readonly nodeFlags: readonly string[]
  /** Names of the restrictions in force, for people. */
  readonly enforced: readonly string[]
  /** Those that this machine does not support. */
  readonly missing: readonly string[]
}

interface ConfinementOptions {
  /** The one folder the child's own code may write in. */
  readonly folder: string
  /** No file a child, or what it spawned, writes may become larger than this. */
  readonly maxFileBytes: number
  /** A program outside the usual folders: its folder may be read too. */
  readonly program?: string
}

interface Measure {
  readonly name: string
  readonly command: readonly string[]
}

/** Named so from Node 22.13 on; Node 24 does not know the former name. */
const permissionFlag = process.allowedNodeEnvironmentFlags.has('--permission')
  ? '--permission'
  : '--experimental-permission'

/** These tools start in 0.1 s; one that takes longer than this hangs. */
const probeTimeoutMs = 5000

/** Folders of the programs that convert files, and of fonts. */
const programFolders = ['/usr', '/opt', '/bin', '/lib', '/etc/fonts', '/Applications', '/System']

/** Adds whether the engines sandbox the programs that they start. */
export function withSandboxes(
  { enforced, missing }: Pick<Confinement, 'enforced' | 'missing'>,
  engines: readonly EngineReport[],
): Pick<Confinement, 'enforced' | 'missing'> {
  const named = (sandboxed: boolean) =>
    engines.flatMap((each) =>
      each.sandboxed === sandboxed ? [`a sandbox for the ${each.name} engine`] : [],
    )
  return { enforced: [...enforced, ...named(true)], missing: [...missing, ...named(false)] }
}

/** Tries which restrictions this machine supports. Takes some 20 ms. */
export async function probeConfinement(options: ConfinementOptions): Promise<Confinement> {
  let command: readonly string[] = []
  const enforced: string[] = []
  const missing: string[] = []
  for (const alternatives of measures(options)) {
    const works = await firstThatWorks(command, alternatives)
    if (works) command = [...command, ...works.command]
    const [{ name } = { name: '' }] = alternatives
    ;(works ? enforced : missing).push(works?.name ?? name)
  }
  return {
    command,
    nodeFlags: permissionFlags(options),
    enforced: [...enforced, 'own process group', "Node's permission model"],
    missing,
  }
}

/** The next weaker confinement, if children do not start under this one. */
export function weaken(confinement: Confinement): Confinement | undefined {
  const { command, nodeFlags, enforced, missing } = confinement
  if (nodeFlags.length > 0) {
    const lost = enforced.at(-1) ?? ''
    return { command, nodeFlags: [], enforced: enforced.slice(0, -1), missing: [...missing, lost] }
  }
  if (command.length === 0) return undefined
  return {
    command: [],
    nodeFlags: [],
    enforced: enforced.slice(-1),
    missing: [...missing, ...enforced.slice(0, -1)],
  }
}

/**
 * Root without capabilities may not be mapped again (user_namespaces(7), CAP_SETFCAP), and the
 * sandbox of documents needs names of its own within ours.
 */
const asNobody = [
  'unshare',
  '--map-user=65534',
  '--map-group=65534',
  '--keep-caps',
  '--net',
  '--',
] as const

/** Each with its alternatives. The order matters: later ones remove rights that earlier ones need. */
function measures({ maxFileBytes }: ConfinementOptions): readonly (readonly Measure[])[] {
  const setpriv = ['setpriv', '--no-new-privs', '--pdeathsig', 'KILL']
  const withoutCapabilities = [
    ...setpriv,
    '--bounding-set=-all',
    '--inh-caps=-all',
    '--ambient-caps=-all',
  ]
  // Blocks of 512 bytes: POSIX, ulimit. The rest of the line is the program.
  const limits = `umask 077; ulimit -c 0; ulimit -n 1024; ulimit -f ${Math.ceil(maxFileBytes / 512)}`
  return [
    [
      ...(process.getuid?.() === 0 ? [{ name: 'no network', command: asNobody }] : []),
      { name: 'no network', command: ['unshare', '--map-current-user', '--net', '--'] },
      { name: 'no network', command: ['unshare', '--map-root-user', '--net', '--'] },
    ],
    [
      { name: 'no new privileges, no capabilities', command: [...withoutCapabilities, '--'] },
      { name: 'no new privileges', command: [...setpriv, '--'] },
    ],
    [
      {
        // If memory runs out the kernel kills a child, not the service.
        name: 'limits of files and core dumps, killed first when memory runs out',
        command: [
          '/bin/sh',
          '-c',
          `${limits}; echo 1000 2>/dev/null >/proc/self/oom_score_adj; exec "$@"`,
          'sh',
        ],
      },
      {
        name: 'limits of files and core dumps',
        command: ['/bin/sh', '-c', `${limits}; exec "$@"`, 'sh'],
      },
    ],
  ]
}

async function firstThatWorks(
  before: readonly string[],
  alternatives: readonly Measure[],
): Promise<Measure | undefined> {
  for (const measure of alternatives) {
    const [program = '', ...args] = [...before, ...measure.command, '/bin/sh', '-c', ':']
    try {
      const { stderr } = await promisify(execFile)(program, args, { timeout: probeTimeoutMs })
      if (stderr === '') return measure
    } catch {}
  }
  return undefined
}

/** What the child's JavaScript may access. Native code is restricted by the other measures only. */
function permissionFlags({ folder, program }: ConfinementOptions): string[] {
  const packages = new Set(
    [import.meta.url, createRequire(import.meta.url).resolve('sharp')].map((path) => {
      const real = path.startsWith('file:') ? new URL(path).pathname : path
      return realpathSync(rootOfPackages(decodeURIComponent(real)))
    }),
  )
  const real = realpathSync(folder)
  const programs = program ? [dirname(program), dirname(realOrSame(program))] : []
  // Node aborts if a folder is given twice.
  const readable = new Set([...packages, ...programFolders, ...programs, real])
  return [
    permissionFlag,
    '--allow-addons',
    '--allow-child-process',
    '--allow-worker',
    ...[...readable].map((path) => `--allow-fs-read=${path}/`),
    `--allow-fs-write=${real}/`,
  ]
}

function realOrSame(path: string): string {
  try {
    return realpathSync(path)
  } catch {
    return path
  }
}

/** The folder above the outermost node_modules, or the checkout that this file is in. */
function rootOfPackages(path: string): string {
  const at = path.indexOf('/node_modules/')
  return at >= 0 ? path.slice(0, at) : path.replace(/\/[^/]+\/dist\/.*$/, '')
}
