import { basename, dirname } from 'node:path'
import { isPageName } from '@herald/runtime/output-name'
import { isTaken, type PlannedRendition } from '../plan-conversions.js'
import { type FileConversion, isRunnable, type RunnableConversion } from './file-conversion.js'

/**
 * Leaves out results of earlier runs: files that were found in a folder and have the name of another
 * file's result. With `skipExisting` also renditions that exist, and files without any left to make.
 */
export async function leaveOutResults(
  conversions: readonly FileConversion[],
  skipExisting: boolean,
): Promise<{ conversions: FileConversion[]; leftOut: number }> {
  const results = resultsAmong(conversions.filter(isRunnable))
  const kept: FileConversion[] = []
  for (const conversion of conversions) {
    if (results.has(conversion)) continue
    if (skipExisting && isRunnable(conversion)) {
      conversion.renditions = await missing(conversion.renditions)
      if (conversion.renditions.length === 0) continue
    }
    kept.push(conversion)
  }
  return { conversions: kept, leftOut: conversions.length - kept.length }
}

function resultsAmong(conversions: readonly RunnableConversion[]): ReadonlySet<FileConversion> {
  const found = conversions.filter((conversion) => conversion.found)
  const byPath = new Map(found.map((conversion) => [conversion.input.path, conversion]))
  const likePages = found.filter(({ input }) => /-page-\d+/.test(input.name))
  const results = new Set<FileConversion>()
  // A file whose result has another name is a source; of two that would become each other, the first.
  const sources = conversions.toSorted(
    (a, b) => Number(becomesItself(a)) - Number(becomesItself(b)),
  )
  for (const source of sources) {
    if (results.has(source)) continue
    for (const { spec, finalPath } of source.renditions) {
      const made = spec.everyPage
        ? likePages.filter(({ input }) => isPageOf(input.path, finalPath))
        : [byPath.get(finalPath)]
      for (const other of made) if (other && other !== source) results.add(other)
    }
  }
  return results
}

const isPageOf = (path: string, finalPath: string) =>
  dirname(path) === dirname(finalPath) && isPageName(basename(path), basename(finalPath))

const becomesItself = ({ input, renditions }: RunnableConversion) =>
  renditions.some(({ finalPath }) => finalPath === input.path)

async function missing(renditions: readonly PlannedRendition[]): Promise<PlannedRendition[]> {
  const taken = await Promise.all(renditions.map(isTaken))
  return renditions.filter((_, at) => !taken[at])
}
