import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { type BareSharpProcess, openBareSharp } from './bare-sharp-process.js'
import { convertMutant } from './fuzz-convert.js'
import { type Mutant, mutants, type Original } from './fuzz-mutations.js'
import { type FuzzService, startFuzzService } from './fuzz-service.js'
import { type Difference, difference } from './fuzz-verdicts.js'
import { createChecks, type Result } from './result.js'
import { seeded } from './seeded.js'

export interface FuzzOptions {
  readonly seed: number
  readonly mutants: number
  /** Mutants of files that sharp does not read: their results are not compared, the other checks apply. */
  readonly foreignMutants: number
  /** Skips larger originals; undefined: no limit. */
  readonly maxOriginalBytes?: number
  /** Of the memory, as a factor; undefined if the run is too short to measure it. */
  readonly maxGrowth?: number
  readonly print: (line: string) => void
}

export const corpusFolder = fileURLToPath(new URL('../../../../../shared/corpus/', import.meta.url))
const fixtureFolder = fileURLToPath(
  new URL('../../../../converter-service/test/fixtures/', import.meta.url),
)
const maxPixels = 50_000_000
const width = 256
const timeoutMs = 10_000
const minAgreement = 0.99
/** As many as there are child processes. */
const lanes = [0, 1]

/** Converts real files and mutants of them with a real converter, and compares the results with bare sharp's. */
export async function runFuzz(options: FuzzOptions): Promise<Result> {
  const folder = await mkdtemp(join(tmpdir(), 'herald-fuzz-'))
  const bareSharps = lanes.map(() => openBareSharp(timeoutMs))
  const service = await startFuzzService(folder, {
    HERALD_MAX_PIXELS: String(maxPixels),
    HERALD_TIMEOUT: `${timeoutMs}ms`,
    HERALD_WORKERS: '2',
  })
  try {
    return await fuzz(service, bareSharps, folder, options)
  } finally {
    for (const each of bareSharps) each.close()
    await service.stop()
    await rm(folder, { recursive: true, force: true })
  }
}

async function fuzz(
  service: FuzzService,
  bareSharps: readonly BareSharpProcess[],
  folder: string,
  { seed, mutants: count, foreignMutants, maxOriginalBytes, maxGrowth, print }: FuzzOptions,
): Promise<Result> {
  const random = seeded(seed)
  const originals = await readOriginals(corpusFolder, maxOriginalBytes)
  const foreign = await readOriginals(fixtureFolder, maxOriginalBytes)
  const { failures, check } = createChecks()
  const differences: Difference[] = []
  const internal: string[] = []
  let compared = 0
  let hangs = 0

  const run = async (
    list: Iterable<Mutant>,
    target: (name: string) => string,
    isCompared: boolean,
  ) => {
    await forEachInLanes(list, async (mutant, lane) => {
      const path = join(folder, `mutant-${lane}`)
      await writeFile(path, mutant.bytes)
      const answer = await convertMutant(service.client, path, mutant.bytes.length, {
        fileName: mutant.name.split(':')[0] as string,
        format: target(mutant.name),
        width,
        answerTimeoutMs: timeoutMs * 3,
      })
      if (answer === 'hangs') {
        hangs++
        check(false, `no answer: ${mutant.name}`)
        return
      }
      const isDefect = !answer.converted && answer.code === 'HERALD_INTERNAL'
      if (!isCompared && !isDefect) return
      const bare = await (bareSharps[lane] as BareSharpProcess).convert({ path, maxPixels, width })
      if (isDefect) internal.push(`${mutant.name} | bare sharp: ${bare.converted || bare.reason}`)
      if (!isCompared) return
      compared++
      const found = difference(mutant.name, answer, bare)
      if (found) differences.push(found)
    })
  }

  /** Half of the mutants. */
  const runHalf = async () => {
    await run(mutants(random, originals, Math.ceil(count / 2)), toWebp, true)
    await run(mutants(random, foreign, Math.ceil(foreignMutants / 2)), targetOfForeign, false)
  }

  await run(unchanged(originals), toWebp, true)
  print(`${originals.length} originals converted; ${count} mutants to come, seed ${seed}`)
  // A child process grows while it meets its first files of each kind: growth in the second half is a leak.
  await runHalf()
  const before = await settled(service)
  await runHalf()
  const after = await settled(service)

  const agreement = 1 - differences.length / compared
  const unexplained = differences.filter(({ because }) => because === undefined)
  const grown = after.bytes / before.bytes
  print(
    `MiB before, the service first: ${before.each.join(' + ')}; after: ${after.each.join(' + ')}`,
  )
  check(service.ended() === undefined, `the service ended: ${service.ended()}`)
  check(
    agreement >= minAgreement,
    `only ${(agreement * 100).toFixed(2)} % of the results agree with bare sharp`,
  )
  for (const each of unexplained) check(false, `unexplained: ${describe(each)}`)
  for (const name of internal) check(false, `HERALD_INTERNAL: ${name}`)
  check(after.children === before.children, `${before.children} children became ${after.children}`)
  check(after.leftovers.length === 0, `left behind: ${after.leftovers.join(', ')}`)
  if (maxGrowth !== undefined) {
    check(grown <= maxGrowth, `memory grew to ${(grown * 100).toFixed(0)} % of what it was`)
  }
  const replacedChildren = Object.entries(service.replacedChildren()).map(
    ([reason, times]) => `${reason} ${times}`,
  )
  return {
    scenario: 'fuzz',
    figures: {
      files: compared + foreignMutants,
      compared,
      agreement: `${(agreement * 100).toFixed(2)} %`,
      explained: differences.length - unexplained.length,
      unexplained: unexplained.length,
      internal: internal.length,
      hangs,
      'children replaced': replacedChildren.join(', ') || 'none',
      'MiB before': mebibytes(before.bytes),
      'MiB after': mebibytes(after.bytes),
    },
    failures,
    notes: classes(differences),
  }
}

async function readOriginals(folder: string, maxBytes = Number.POSITIVE_INFINITY) {
  const entries = await readdir(folder, { withFileTypes: true })
  // The corpus describes itself in a README.
  const names = entries.flatMap((entry) =>
    entry.isFile() && entry.name !== 'README.md' ? entry.name : [],
  )
  const all = await Promise.all(
    names.sort().map(async (name): Promise<Original> => {
      return { name, bytes: await readFile(join(folder, name)) }
    }),
  )
  return all.filter(({ bytes }) => bytes.length <= maxBytes)
}

function* unchanged(originals: readonly Original[]): Generator<Mutant> {
  for (const { name, bytes } of originals) yield { name: `${name}: unchanged`, bytes }
}

const toWebp = () => 'webp'
/** Pictures become pictures, documents PDF. */
const targetOfForeign = (name: string) => (/^[^:]*\.(heic|bmp|ico|pdf)/.test(name) ? 'webp' : 'pdf')

/** Runs `work` for each item, one at a time in each lane. */
async function forEachInLanes<T>(
  list: Iterable<T>,
  work: (each: T, lane: number) => Promise<void>,
) {
  const items = list[Symbol.iterator]()
  await Promise.all(
    lanes.map(async (lane) => {
      for (let next = items.next(); !next.done; next = items.next()) await work(next.value, lane)
    }),
  )
}

/** Memory, child processes and files of the idle service, once its memory no longer shrinks. */
async function settled(service: FuzzService) {
  const total = (each: readonly number[]) => each.reduce((sum, bytes) => sum + bytes, 0)
  let least = await service.residentBytes()
  for (let sample = 0; sample < 20; sample++) {
    await delay(250)
    const now = await service.residentBytes()
    if (total(now) >= total(least) * 0.99 && sample >= 7) break
    if (total(now) < total(least)) least = now
  }
  return {
    bytes: total(least),
    each: least.map(mebibytes),
    children: least.length - 1,
    leftovers: await service.leftovers(),
  }
}

/** Each class of differences with its number, then each difference. */
function classes(differences: readonly Difference[]): string[] {
  const grouped = new Map<string, Difference[]>()
  for (const each of differences) {
    const because = each.because ?? 'UNEXPLAINED'
    grouped.set(because, [...(grouped.get(because) ?? []), each])
  }
  return [...grouped].flatMap(([because, list]) => [
    `${list.length} differ: ${because}`,
    ...list.map((each) => `    ${describe(each)}`),
  ])
}

const describe = ({ file, herald, bare }: Difference) => `${file} | ${herald} | bare sharp: ${bare}`
const mebibytes = (bytes: number) => Math.round(bytes / 1024 ** 2)
