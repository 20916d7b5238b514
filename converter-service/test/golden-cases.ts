import { readdir } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import type { ServiceError } from '@grpc/grpc-js'
import type { ConverterServiceClient, RenditionSpec } from '@herald/proto/converter'
import { convert, readRefusal } from './convert.js'
import { fingerprint } from './fingerprint.js'
import { heifFile } from './heif-file.js'
import { animation, corpusFile, corpusFolder, hasCorpus, madePicture, svgText } from './pictures.js'
import { scan } from './tiff-pages.js'

/** From options to a fingerprint or an error code. */
export type Golden = Record<string, string>

const operations: Readonly<Record<string, RenditionSpec>> = {
  resize: { width: 160 },
  crop: { width: 90, height: 90, fit: 'FIT_COVER', gravity: 'GRAVITY_ATTENTION' },
  corner: { width: 60, height: 90, fit: 'FIT_COVER', gravity: 'GRAVITY_NORTHWEST' },
  frame: {
    width: 90,
    height: 60,
    fit: 'FIT_CONTAIN',
    gravity: 'GRAVITY_SOUTH',
    background: '#336699',
  },
  turn: { width: 120, rotate: 30, background: '#ffcc00' },
}
const targets = ['jpeg', 'png', 'webp', 'avif', 'gif', 'tiff']

/** Pictures that are at hand everywhere, by name. */
export const ownSources: Readonly<Record<string, () => Promise<Buffer>>> = {
  'own.heic': async () => heifFile({ pictures: [await madePicture('patches-8.heic')], turns: 3 }),
  'own-deep.heic': () => madePicture('patches-10.heic'),
  'own.bmp': () => madePicture('bits-32.bmp'),
  'own-rle.bmp': () => madePicture('bits-8-rle.bmp'),
  'own.ico': () => madePicture('icons.ico'),
  'own.svg': async () => Buffer.from(svgText),
  'own.gif': () => animation('gif', 3),
  'own.webp': () => animation('webp', 3),
  'own.tiff': scan,
}

export async function corpusNames(): Promise<string[]> {
  if (!hasCorpus) return []
  return (await readdir(corpusFolder)).filter((name) => !name.startsWith('README')).sort()
}

const sourceNamed = (name: string): Promise<Buffer> => ownSources[name]?.() ?? corpusFile(name)

/**
 * Every operation on one source. Own sources are made into every target; those of the corpus
 * into one each, chosen so that over the corpus each operation meets each target often.
 */
export async function goldenOf(client: ConverterServiceClient, name: string): Promise<Golden> {
  const bytes = await sourceNamed(name)
  const wishes: Record<string, RenditionSpec> = {}
  const shift = [...name].reduce((sum, letter) => sum + letter.charCodeAt(0), 0)
  for (const [at, [operation, options]] of Object.entries(operations).entries()) {
    const chosen = name in ownSources ? targets : [targets[(shift + at) % targets.length] ?? '']
    for (const format of chosen) wishes[`${operation} ${format}`] = { ...options, format }
  }
  wishes['page png'] = { format: 'png', page: 1, width: 100 }
  const golden: Golden = {}
  for (const [wish, asked] of Object.entries(wishes)) {
    golden[wish] = await convert(client, bytes, [asked]).then(
      ({ renditions: [made] }) => fingerprint(made?.bytes ?? Buffer.alloc(0)),
      (error: ServiceError) => readRefusal(error).code ?? 'no code',
    )
  }
  return golden
}

export const goldenFile = fileURLToPath(new URL('./golden.json', import.meta.url))
