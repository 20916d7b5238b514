import { stat } from 'node:fs/promises'
import { dirname, join, relative, resolve, sep } from 'node:path'
import { HeraldError } from '@herald/proto/errors'
import { glob, isDynamicPattern } from 'tinyglobby'

/** A file that the command line names, or that was found in a folder or by a pattern. */
export interface InputPath {
  /** As it was typed, or its path below the searched folder. */
  readonly given: string
  /** Absolute. */
  readonly path: string
  /** Its folder below the searched one; empty if the file itself was named. */
  readonly below: string
  /** It was found in a folder or by a pattern. */
  readonly found: boolean
}

/** An argument for which there is no file. */
export interface UnresolvedArg {
  readonly given: string
  readonly error: HeraldError
}

export interface FindOptions {
  /** Search folders and their subfolders. */
  readonly recursive: boolean
  /** A folder whose files are left out: that of the results. Absolute. */
  readonly except: string | undefined
  /** The extensions of files to take from folders, without dots. Called for the first folder. */
  extensions(): Promise<readonly string[]>
}

/** `-` on the command line. */
export const standardStream = '-'

/**
 * The files for the arguments of a command line, in their order. Files of a folder or a pattern come
 * once, in natural order, without hidden ones; links to folders are not followed. An argument that
 * is the name of a file is that file, even if it looks like a pattern.
 */
export async function findInputs(
  words: readonly string[],
  options: FindOptions,
): Promise<(InputPath | UnresolvedArg)[]> {
  const seen = new Set<string>()
  const all: (InputPath | UnresolvedArg)[] = []
  for (const word of words) {
    for (const each of await resolveArg(word, options)) {
      // A file that is named twice is reported as an error later; one that is found again is not.
      if ('path' in each && each.found) {
        if (seen.has(each.path)) continue
        seen.add(each.path)
      }
      all.push(each)
    }
  }
  return all
}

async function resolveArg(
  word: string,
  options: FindOptions,
): Promise<(InputPath | UnresolvedArg)[]> {
  const named = { given: word, path: resolve(word), below: '', found: false }
  if (word === standardStream) return [named]
  const status = await stat(word).catch(() => undefined)
  if (status?.isDirectory()) return options.recursive ? inFolder(word, options) : [named]
  if (status || !isDynamicPattern(word)) return [named]
  return byPattern(word, options)
}

async function inFolder(folder: string, options: FindOptions) {
  const taken = new Set(await options.extensions())
  const names = await search('**/*', folder)
  const files = names
    .filter((name) => taken.has(/\.([^./\\]+)$/.exec(name)?.[1]?.toLowerCase() ?? ''))
    .map((name) => foundFile(folder, name))
    .filter(({ path }) => !isWithin(path, options.except, folder))
  return files.length > 0
    ? files
    : [nothing(folder, 'The folder has no files with an extension that the converter reads.')]
}

async function byPattern(word: string, options: FindOptions) {
  const pattern = sep === '\\' ? word.replaceAll('\\', '/') : word
  const segments = pattern.split('/')
  // By segments, because a brace may contain slashes.
  const depth = segments.findIndex((segment) => /[*?{[]|[!+@]\(/.test(segment))
  const folder =
    segments.slice(0, Math.max(0, depth)).join('/') || (pattern.startsWith('/') ? '/' : '')
  const names = await search(segments.slice(Math.max(0, depth)).join('/'), folder || '.')
  const files = names
    .map((name) => foundFile(folder, name))
    .filter(({ path }) => !isWithin(path, options.except, folder || '.'))
  return files.length > 0 ? files : [nothing(word, 'No file matches the pattern.')]
}

const natural = new Intl.Collator('en', { numeric: true })

async function search(pattern: string, folder: string): Promise<string[]> {
  const names = await glob(pattern, {
    cwd: resolve(folder),
    expandDirectories: false,
    followSymbolicLinks: false,
    onlyFiles: true,
  })
  return names.sort((a, b) => natural.compare(a, b) || (a < b ? -1 : 1))
}

function foundFile(folder: string, name: string): InputPath {
  const path = resolve(folder, name)
  const below = dirname(relative(resolve(folder), path))
  return { given: join(folder, name), path, below: below === '.' ? '' : below, found: true }
}

/** Whether `path` is in `except`; false if everything searched is in `except`. */
function isWithin(path: string, except: string | undefined, searched: string): boolean {
  if (except === undefined || `${resolve(searched)}${sep}`.startsWith(`${except}${sep}`)) {
    return false
  }
  return path.startsWith(`${except}${sep}`)
}

function nothing(given: string, message: string): UnresolvedArg {
  return {
    given,
    error: new HeraldError('HERALD_UNREADABLE_FILE', message, {
      remedy: 'Check its name and the folder you are in; herald formats shows what is read.',
    }),
  }
}
