import { basename, dirname } from 'node:path'
import { isPageName } from '../output-name.js'
import { isTaken, type PlannedRendition } from '../plan-conversions.js'
import { type ConvertJob, isRunnable, type RunnableJob } from './convert-job.js'

/**
 * Leaves out the files that were only found and that are what another file of the run becomes: an
 * earlier run made them. With `skipExisting` also every rendition that is there already, and the
 * files of which nothing is left to make.
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
  // What becomes something else is a source; of two that become each other, the first.
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
