import { execFile } from 'node:child_process'
import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'

/** A PostgreSQL that can be started. */
export interface PostgresInstallation {
  /** `15.13`. */
  readonly version: string
  /** The folder of initdb and postgres. */
  readonly programs: string
  /** Whom the server runs as; absent: this user. PostgreSQL refuses to run as root. */
  readonly user?: { readonly uid: number; readonly gid: number }
}

/** What can be started, or in one sentence why nothing can and what to do. */
export type FoundPostgres =
  | { readonly installation: PostgresInstallation }
  | { readonly missing: string }

const run = promisify(execFile)
/** Debian does not put the server's programs in the PATH. */
const debianFolder = '/usr/lib/postgresql'

/** Finds the newest PostgreSQL server that is installed, and the user to run it as. */
export async function findPostgres(env = process.env): Promise<FoundPostgres> {
  const programs = programFolders(env['PATH'] ?? '').find((folder) =>
    existsSync(join(folder, 'initdb')),
  )
  if (programs === undefined) {
    return { missing: 'PostgreSQL is not installed (Debian: apt install postgresql)' }
  }
  const { stdout } = await run(join(programs, 'postgres'), ['--version'])
  const version = /\d+(\.\d+)?/.exec(stdout)?.[0] ?? 'unknown'
  if (process.getuid?.() !== 0) return { installation: { version, programs } }
  try {
    const [uid, gid] = await Promise.all(['-u', '-g'].map((id) => run('id', [id, 'postgres'])))
    const user = { uid: Number(uid?.stdout), gid: Number(gid?.stdout) }
    return { installation: { version, programs, user } }
  } catch {
    return { missing: 'PostgreSQL refuses to run as root, and there is no user "postgres"' }
  }
}

function programFolders(path: string): string[] {
  const versions = existsSync(debianFolder) ? readdirSync(debianFolder).map(Number) : []
  const debian = versions.sort((one, other) => other - one).map(String)
  const inPath = path.split(':')
  return [...debian.map((version) => join(debianFolder, version, 'bin')), ...inPath]
}
