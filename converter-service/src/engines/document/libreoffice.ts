import { execFile } from 'node:child_process'
import { accessSync, constants, existsSync, readFileSync, realpathSync } from 'node:fs'
import { mkdir } from 'node:fs/promises'
import { delimiter, dirname, join, parse, relative } from 'node:path'
import { pathToFileURL } from 'node:url'
import { writeProfile } from './libreoffice-profile.js'
import { folderInSandbox, type Sandbox } from './sandbox.js'

/** An installed LibreOffice. */
export interface LibreOffice {
  readonly program: string
  readonly version: string
  /** Its build id; undefined if it cannot be read. */
  readonly buildId?: string
  /** Its parts that are installed: `writer`, `calc`, `impress`. */
  readonly modules: ReadonlySet<string>
}

/** How a document is read and written; filters have LibreOffice's names. */
export interface Conversion {
  /** The only filter that reads the document. */
  readonly importFilter: string
  readonly exportFilter: string
  /** The extension of what is written. */
  readonly extension: string
  /** Formulas are recalculated, whatever values the document has. */
  readonly calculates?: boolean
}

/** The library of each module. */
const libraries: Readonly<Record<string, string>> = {
  writer: 'libswlo.so',
  calc: 'libsclo.so',
  impress: 'libsdlo.so',
}
/** The exit status after a start that only set up the profile. */
const startAgain = 81

/** The LibreOffice that `HERALD_SOFFICE` names, else the one on the PATH; undefined if there is none. */
export function findLibreOffice(
  env: Readonly<Record<string, string | undefined>>,
): LibreOffice | undefined {
  const found = env['HERALD_SOFFICE'] || findOnPath(env['PATH'] ?? '')
  if (!found) return undefined
  try {
    const launcher = realpathSync(found)
    const folder = dirname(launcher)
    // The launcher would start it as a further process, to be killed as well.
    const program = join(folder, 'soffice.bin')
    const modules = Object.keys(libraries).filter((name) =>
      existsSync(join(folder, libraries[name] ?? '')),
    )
    return {
      program: existsSync(program) ? program : launcher,
      ...versionIn(folder),
      modules: new Set(modules.length > 0 ? modules : Object.keys(libraries)),
    }
  } catch {
    return undefined
  }
}

function findOnPath(path: string): string | undefined {
  return path
    .split(delimiter)
    .map((folder) => join(folder, 'soffice'))
    .find((file) => {
      try {
        accessSync(file, constants.X_OK)
        return true
      } catch {
        return false
      }
    })
}

function versionIn(folder: string): Pick<LibreOffice, 'version' | 'buildId'> {
  const [, version = ''] =
    /^ProductKey=.* ([\d.]+)/m.exec(readSettings(folder, 'bootstraprc')) ?? []
  const [, buildId] = /^buildid=(.*)$/m.exec(readSettings(folder, 'versionrc')) ?? []
  return { version, ...(buildId ? { buildId } : {}) }
}

function readSettings(folder: string, name: string): string {
  try {
    return readFileSync(join(folder, name), 'utf8')
  } catch {
    return ''
  }
}

/**
 * Converts `document`, which is below `folder`, with LibreOffice. Resolves to the path of the
 * result, also below `folder`; undefined if it failed. LibreOffice runs in this process group and
 * is killed with it.
 */
export async function runLibreOffice(
  { program, buildId }: LibreOffice,
  document: string,
  folder: string,
  { importFilter, exportFilter, extension, calculates = false }: Conversion,
  sandbox: Sandbox,
): Promise<string | undefined> {
  const made = join(folder, 'made')
  await mkdir(made, { recursive: true })
  await writeProfile(join(folder, 'profile'), { calculates, ...(buildId ? { buildId } : {}) })
  const command = sandbox(folder)
  // Fields of a document print its path.
  const inside = command.length > 0 ? folderInSandbox : folder
  const profile = join(inside, 'profile')
  const commandLine = [
    ...command,
    program,
    `-env:UserInstallation=${pathToFileURL(profile)}`,
    '--headless',
    '--norestore',
    '--nologo',
    '--nodefault',
    '--nolockcheck',
    `--infilter=${importFilter}`,
    '--convert-to',
    `${extension}:${exportFilter}`,
    '--outdir',
    join(inside, 'made'),
    join(inside, relative(folder, document)),
  ]
  // Of our environment only the paths of programs and fonts; it writes to the conversion's folder.
  const { PATH = '', LANG = 'C.UTF-8', FONTCONFIG_PATH, FONTCONFIG_FILE } = process.env
  const env = {
    PATH,
    // File names are in UTF-8.
    LANG: /utf-?8/i.test(LANG) ? LANG : 'C.UTF-8',
    ...(FONTCONFIG_PATH ? { FONTCONFIG_PATH } : {}),
    ...(FONTCONFIG_FILE ? { FONTCONFIG_FILE } : {}),
    HOME: profile,
    TMPDIR: inside,
    SAL_USE_VCLPLUGIN: 'svp',
    SAL_DISABLE_OPENCL: '1',
  }
  const status = await run(commandLine, env, folder)
  if (status === startAgain) await run(commandLine, env, folder)
  const path = join(made, `${parse(document).name}.${extension}`)
  return existsSync(path) ? path : undefined
}

function run(
  [program = '', ...args]: readonly string[],
  env: Record<string, string>,
  cwd: string,
): Promise<number | null> {
  return new Promise((resolve) => {
    const options = { env, cwd, maxBuffer: 1024 ** 2 }
    // After an error there is no PDF; the output of LibreOffice does not explain it.
    const child = execFile(program, args, options, () => resolve(child.exitCode))
  })
}
