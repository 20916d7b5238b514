import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Engines } from '@herald/converter-service/engines/all-engines'
import type { Made, RenditionPlan } from '@herald/converter-service/engines/engine'
import type { SourceFacts } from '@herald/converter-service/estimate'
import { sniff, sniffBytes } from '@herald/converter-service/sniff'
import { readTree, resetPeak } from '@herald/converter-service/worker/process-tree'
import sharp from 'sharp'
import { noise } from './pictures.js'

/** One rendition that was made, and what it took. */
export interface Sample {
  readonly source: SourceFacts
  /** A key of the table: `webp`, `webp lossless`. */
  readonly target: string
  readonly made: Pick<Made, 'width' | 'height' | 'pages'>
  readonly cpuMs: number
  readonly grownBytes: number
}

const plain: RenditionPlan = {
  index: 0,
  format: 'png',
  fit: 'inside',
  lossless: false,
  keep: [],
  enlarge: false,
  everyPage: false,
  gravity: 'centre',
  rotate: 0,
  palette: false,
}

export const ways: Readonly<Record<string, RenditionPlan>> = {
  jpeg: { ...plain, format: 'jpeg', quality: 82 },
  png: { ...plain, format: 'png' },
  'png palette': { ...plain, format: 'png', palette: true },
  webp: { ...plain, format: 'webp', quality: 80 },
  'webp lossless': { ...plain, format: 'webp', lossless: true },
  avif: { ...plain, format: 'avif', quality: 55 },
  'avif lossless': { ...plain, format: 'avif', lossless: true },
  gif: { ...plain, format: 'gif' },
  tiff: { ...plain, format: 'tiff' },
}
const limits = { maxPixels: 5e7, maxPages: 500 }
const engines = await Engines.probe()

/** Pictures of several kinds and sizes, made here unless `onlyFolder`, and those of a folder. */
export async function measureAll(
  pictures: string | undefined,
  { onlyFolder = false } = {},
): Promise<Sample[]> {
  const folder = await mkdtemp(join(tmpdir(), 'herald-calibrate-'))
  const samples: Sample[] = []
  try {
    const paths = onlyFolder ? [] : await makePictures(folder)
    const made = paths.length
    if (pictures) {
      // A document would be printed beside itself.
      const names = (await readdir(pictures)).filter((name) => !name.startsWith('README'))
      paths.push(...names.map((name) => join(pictures, name)))
    }
    for (const [at, path] of paths.entries()) {
      const all = Object.entries(ways)
      // Of what others made there is more: two formats of each, which take their turns, will do.
      const some = at < made ? all : [all[at % all.length], all[(at + 4) % all.length]]
      for (const [target, plan] of some as typeof all) {
        for (const share of at < made ? [1, 0.4] : [at % 2 ? 1 : 0.4]) {
          const sample = await measure(path, target, plan, share, join(folder, 'target'))
          if (sample) samples.push(sample)
        }
      }
    }
    return samples
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

/** How long each effort takes, as a multiple of the usual one. */
export async function measureEfforts(): Promise<Record<string, number[]>> {
  const folder = await mkdtemp(join(tmpdir(), 'herald-calibrate-'))
  const path = join(folder, 'photo')
  await writeFile(path, await (await photoLike(400)).png().toBuffer())
  const found: Record<string, number[]> = {}
  for (const way of ['png', 'png palette', 'webp', 'webp lossless', 'avif', 'gif']) {
    const cost = async (effort?: number) => {
      const plan = { ...(ways[way] ?? plain), ...(effort === undefined ? {} : { effort }) }
      const sample = await measure(path, way, plan, 1, join(folder, 'target'))
      return sample?.cpuMs ?? 0
    }
    const usual = await cost()
    found[way] = []
    for (let effort = 0; effort <= 9; effort++) {
      found[way].push(Number(((await cost(effort)) / usual).toPrecision(2)))
    }
  }
  await rm(folder, { recursive: true, force: true })
  return found
}

async function measure(
  path: string,
  target: string,
  plan: RenditionPlan,
  share: number,
  written: string,
): Promise<Sample | undefined> {
  const bytes = await readFile(path)
  const sniffed = await sniff(bytes.subarray(0, sniffBytes))
  if (sniffed.kind !== 'format') return undefined
  const format = sniffed.name
  try {
    const source = { path, format }
    const inspection = await engines.for(format).inspect(source)
    const { width, height } = inspection
    if (width * height * inspection.pages > 9e6 || width * height < 40_000) return undefined
    const wanted = share === 1 ? plan : { ...plan, width: Math.ceil(width * share) }
    resetPeak(process.pid)
    const before = process.memoryUsage.rss()
    const clock = process.cpuUsage()
    const made = await engines.for(format, plan.format).convert(source, wanted, written, limits)
    const { user, system } = process.cpuUsage(clock)
    const { size: sizeBytes } = await stat(path)
    return {
      source: { ...inspection, format, sizeBytes },
      target,
      made: { width: made.width, height: made.height, pages: made.pages },
      cpuMs: (user + system) / 1000,
      grownBytes: Math.max(0, (readTree(process.pid)?.peakBytes ?? 0) - before),
    }
  } catch {
    // Not every file of a folder is a sound picture.
    return undefined
  }
}

async function makePictures(folder: string): Promise<string[]> {
  const kinds = {
    flat: async (side: number) =>
      sharp({ create: { width: side, height: side, channels: 3, background: '#2a6' } }),
    photo: photoLike,
    noise: async (side: number) => noise(side, side),
  }
  const paths: string[] = []
  for (const [kind, make] of Object.entries(kinds)) {
    for (const side of [400, 1200, 2000]) {
      const pixels = await (await make(side)).png({ compressionLevel: 1 }).toBuffer()
      for (const format of ['jpeg', 'png', 'webp', 'avif', 'gif', 'tiff'] as const) {
        if (side === 2000 && (kind !== 'photo' || !['jpeg', 'png'].includes(format))) continue
        const path = join(folder, `${kind}-${side}.${format}`)
        const options = format === 'avif' ? { effort: 1 } : format === 'gif' ? { effort: 1 } : {}
        await sharp(pixels).toFormat(format, options).toFile(path)
        paths.push(path)
      }
    }
  }
  return paths
}

/** Soft shapes with a fine grain: what a camera sees costs about as much. */
async function photoLike(side: number) {
  const small = await noise(Math.ceil(side / 24), Math.ceil(side / 24))
    .png()
    .toBuffer()
  const soft = await sharp(small).resize(side, side, { kernel: 'cubic' }).png().toBuffer()
  const grain = await noise(side, side).ensureAlpha(0.06).png().toBuffer()
  return sharp(
    await sharp(soft)
      .composite([{ input: grain }])
      .removeAlpha()
      .png()
      .toBuffer(),
  )
}
