import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { convertMutant } from './fuzz-convert.js'
import { type Mutant, mutants, type Original } from './fuzz-mutations.js'
import { openRival, type Rival } from './fuzz-rival.js'
import { type FuzzService, startFuzzService } from './fuzz-service.js'
import { type Difference, difference } from './fuzz-verdicts.js'
import { promises, type Result } from './result.js'
import { seeded } from './seeded.js'

export interface FuzzOptions {
  readonly seed: number
  readonly mutants: number
  /** Mutants of files that sharp does not read: no verdict to compare, but the same promises. */
  readonly foreignMutants: number
  /** Leaves larger originals out; undefined: none. */
  readonly maxOriginalBytes?: number
  /** Of what was held before; undefined where a run is too short to say. */
  readonly mostGrowth?: number
  readonly say: (line: string) => void
}

export const corpusFolder = fileURLToPath(new URL('../../../../../shared/corpus/', import.meta.url))
const fixtureFolder = fileURLToPath(
  new URL('../../../../converter-service/test/fixtures/', import.meta.url),
)
const maxPixels = 50_000_000
const width = 256
const timeoutMs = 10_000
const leastAlike = 0.99
/** As many as there are workers. */
const lanes = [0, 1]

/** Real files and mutants of them through a real converter, beside bare sharp. */
export async function runFuzz(options: FuzzOptions): Promise<Result> {
  const folder = await mkdtemp(join(tmpdir(), 'herald-fuzz-'))
  const rivals = lanes.map(() => openRival(timeoutMs))
  const service = await startFuzzService(folder, {
    HERALD_MAX_PIXELS: String(maxPixels),
    HERALD_TIMEOUT: `${timeoutMs}ms`,
    HERALD_WORKERS: '2',
  })
  try {
    return await fuzz(service, rivals, folder, options)
  } finally {
    for (const rival of rivals) rival.close()
    await service.stop()
    await rm(folder, { recursive: true, force: true })
  }
}

async function fuzz(
  service: FuzzService,
  rivals: readonly Rival[],
  folder: string,
  { seed, mutants: count, foreignMutants, maxOriginalBytes, mostGrowth, say }: FuzzOptions,
): Promise<Result> {
  const random = seeded(seed)
  const originals = await readOriginals(corpusFolder, maxOriginalBytes)
  const foreign = await readOriginals(fixtureFolder, maxOriginalBytes)
  const { faults, hold } = promises()
  const differences: Difference[] = []
  const internal: string[] = []
  let compared = 0
  let hangs = 0

  const run = async (list: Iterable<Mutant>, target: (name: string) => string, judged: boolean) => {
    await together(list, async (mutant, lane) => {
      const path = join(folder, `mutant-${lane}`)
      await writeFile(path, mutant.bytes)
      const answer = await convertMutant(service.client, path, mutant.bytes.length, {
        fileName: mutant.name.split(':')[0] as string,
        format: target(mutant.name),
        width,
        patienceMs: timeoutMs * 3,
      })
      if (answer === 'hangs') {
        hangs++
        hold(false, `no answer: ${mutant.name}`)
        return
      }
      const isDefect = !answer.taken && answer.code === 'HERALD_INTERNAL'
      if (!judged && !isDefect) return
      const bare = await (rivals[lane] as Rival).judge({ path, maxPixels, width })
      if (isDefect) internal.push(`${mutant.name} | bare sharp: ${bare.taken || bare.reason}`)
      if (!judged) return
      compared++
      const found = difference(mutant.name, answer, bare)
      if (found) differences.push(found)
    })
  }

  const toWebp = () => 'webp'
  // Twice: growth of a warm service is a leak, that of a cold one need not be.
  await run(asTheyAre(originals), toWebp, true)
  await run(mutants(seeded(seed + 1), originals, Math.ceil(count / 5)), toWebp, false)
  // Each child loads the engines for other files when the first such file comes to it.
  if (mostGrowth !== undefined) {
    for (let round = 0; round < 2; round++) await run(asTheyAre(foreign), targetOfForeign, false)
  }
  const before = await settled(service)
  say(`${originals.length} originals through; ${count} mutants to come, seed ${seed}`)
  await run(mutants(random, originals, count), toWebp, true)
  await run(mutants(random, foreign, foreignMutants), targetOfForeign, false)
  const after = await settled(service)

  const alike = 1 - differences.length / compared
  const unexplained = differences.filter(({ because }) => because === undefined)
  const grown = after.bytes / before.bytes
  say(`MiB before, the service first: ${before.each.join(' + ')}; after: ${after.each.join(' + ')}`)
  hold(service.ended() === undefined, `the service ended: ${service.ended()}`)
  hold(alike >= leastAlike, `${(alike * 100).toFixed(2)} % of the verdicts are bare sharp's`)
  for (const each of unexplained) hold(false, `unexplained: ${describe(each)}`)
  for (const name of internal) hold(false, `HERALD_INTERNAL: ${name}`)
  hold(after.children === before.children, `${before.children} children became ${after.children}`)
  hold(after.leftovers.length === 0, `left behind: ${after.leftovers.join(', ')}`)
  if (mostGrowth !== undefined) {
    hold(grown <= mostGrowth, `memory grew to ${(grown * 100).toFixed(0)} % of what it was`)
  }
  const deaths = Object.entries(service.deaths()).map(([reason, times]) => `${reason} ${times}`)
  return {
    scenario: 'fuzz',
    figures: {
      files: compared + foreignMutants,
      compared,
      alike: `${(alike * 100).toFixed(2)} %`,
      explained: differences.length - unexplained.length,
      unexplained: unexplained.length,
      internal: internal.length,
      hangs,
      'children replaced': deaths.join(', ') || 'none',
      'MiB before': mebibytes(before.bytes),
      'MiB after': mebibytes(after.bytes),
    },
    faults,
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

function* asTheyAre(originals: readonly Original[]): Generator<Mutant> {
  for (const { name, bytes } of originals) yield { name: `${name}: as it is`, bytes }
}

/** Pictures become pictures, documents PDF. */
const targetOfForeign = (name: string) => (/^[^:]*\.(heic|bmp|ico|pdf)/.test(name) ? 'webp' : 'pdf')

/** In every lane one at a time. */
async function together<T>(list: Iterable<T>, work: (each: T, lane: number) => Promise<void>) {
  const items = list[Symbol.iterator]()
  await Promise.all(
    lanes.map(async (lane) => {
      for (let next = items.next(); !next.done; next = items.next()) await work(next.value, lane)
    }),
  )
}

/** What it holds when it is idle and has stopped to shrink. */
async function settled(service: FuzzService) {
  const total = (each: readonly number[]) => each.reduce((sum, bytes) => sum + bytes, 0)
  let least = await service.residentBytes()
  for (let look = 0; look < 20; look++) {
    await delay(250)
    const now = await service.residentBytes()
    if (total(now) >= total(least) * 0.99 && look >= 7) break
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
