import { basename, dirname } from 'node:path'
import { isPageName } from '@herald/runtime/output-name'
import { isTaken, type PlannedRendition } from '../plan-conversions.js'
import { type ConvertJob, isRunnable, type RunnableJob } from './convert-job.js'

/**
 * Leaves out results of earlier runs: files that were found in a folder and have the name of another
 * file's result. With `skipExisting` also renditions that exist, and files without any left to make.
 */
export async function leaveOutResults(
  jobs: readonly ConvertJob[],
  skipExisting: boolean,
): Promise<{ jobs: ConvertJob[]; leftOut: number }> {
  const results = resultsAmong(jobs.filter(isRunnable))
  const kept: ConvertJob[] = []
  for (const job of jobs) {
    if (results.has(job)) continue
    if (skipExisting && isRunnable(job)) {
      job.renditions = await missing(job.renditions)
      if (job.renditions.length === 0) continue
    }
    kept.push(job)
  }
  return { jobs: kept, leftOut: jobs.length - kept.length }
}

function resultsAmong(jobs: readonly RunnableJob[]): ReadonlySet<ConvertJob> {
  const found = jobs.filter((job) => job.found)
  const byPath = new Map(found.map((job) => [job.input.path, job]))
  const likePages = found.filter(({ input }) => /-page-\d+/.test(input.name))
  const results = new Set<ConvertJob>()
  // A file whose result has another name is a source; of two that would become each other, the first.
  const sources = jobs.toSorted((a, b) => Number(becomesItself(a)) - Number(becomesItself(b)))
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

const becomesItself = ({ input, renditions }: RunnableJob) =>
  renditions.some(({ finalPath }) => finalPath === input.path)

async function missing(renditions: readonly PlannedRendition[]): Promise<PlannedRendition[]> {
  const taken = await Promise.all(renditions.map(isTaken))
  return renditions.filter((_, at) => !taken[at])
}
