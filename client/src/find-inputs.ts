import { stat } from 'node:fs/promises'
import { dirname, join, relative, resolve, sep } from 'node:path'
import { HeraldError } from '@herald/proto/errors'
import { glob, isDynamicPattern } from 'tinyglobby'

/** A file that the command line means. */
export interface InputPath {
  /** As a person knows it: as it was named, or where it was found. */
  readonly given: string
  /** Absolute. */
  readonly path: string
  /** Its folder below the one that was searched; empty where it was named itself. */
  readonly below: string
  /** It was not named itself. */
  readonly found: boolean
}

/** A word of the command line that means no file. */
export interface UnresolvedArg {
  readonly given: string
  readonly fault: HeraldError
}

export interface FindOptions {
  /** Search folders, and theirs. */
  readonly recursive: boolean
  /** What is in it is never meant: where the results go. Absolute. */
  readonly except: string | undefined
  /** The extensions that are taken in folders, without dots; asked once a folder is met. */
  extensions(): Promise<readonly string[]>
}

/** `-` on the command line. */
export const standardStream = '-'

/**
 * The files that words of a command line mean, in the order of the words, each file once; those of
 * a folder or a pattern sorted as people sort, without hidden ones and without following links to
 * folders. What exists under a word's very name is that, whatever characters the name has.
 */
export async function findInputs(
  words: readonly string[],
  options: FindOptions,
): Promise<(InputPath | UnresolvedArg)[]> {
  const seen = new Set<string>()
  const all: (InputPath | UnresolvedArg)[] = []
  for (const word of words) {
    for (const each of await meant(word, options)) {
      // A file that is named twice is a slip to be told; one that is found again is not.
      if ('path' in each && each.found) {
        if (seen.has(each.path)) continue
        seen.add(each.path)
      }
      all.push(each)
    }
  }
  return all
}

async function meant(word: string, options: FindOptions): Promise<(InputPath | UnresolvedArg)[]> {
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
    : [nothing(folder, 'There is no file in it that the converter reads, by their names.')]
}

async function byPattern(word: string, options: FindOptions) {
  const pattern = sep === '\\' ? word.replaceAll('\\', '/') : word
  const segments = pattern.split('/')
  // Segment by segment: a brace may hold slashes.
  const depth = segments.findIndex((segment) => /[*?{[]|[!+@]\(/.test(segment))
  const folder =
    segments.slice(0, Math.max(0, depth)).join('/') || (pattern.startsWith('/') ? '/' : '')
  const names = await search(segments.slice(Math.max(0, depth)).join('/'), folder || '.')
  const files = names
    .map((name) => foundFile(folder, name))
    .filter(({ path }) => !isWithin(path, options.except, folder || '.'))
  return files.length > 0 ? files : [nothing(word, 'No file is called like that.')]
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

/** Whether `path` lies in `except`, unless that holds everything that is searched. */
function isWithin(path: string, except: string | undefined, searched: string): boolean {
  if (except === undefined || `${resolve(searched)}${sep}`.startsWith(`${except}${sep}`)) {
    return false
  }
  return path.startsWith(`${except}${sep}`)
}

function nothing(given: string, message: string): UnresolvedArg {
  return {
    given,
    fault: new HeraldError('HERALD_UNREADABLE_FILE', message, {
      remedy: 'Check its name and the folder you are in; herald formats shows what is read.',
    }),
  }
}
