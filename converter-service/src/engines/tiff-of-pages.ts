import { readFile, rm, writeFile } from 'node:fs/promises'
import { HeraldError } from '@herald/proto/errors'
import type { EngineLimits, Made, RenditionPlan } from './engine.js'
import { joinTiffs } from './join-tiffs.js'
import { refuseTooManyPages } from './page-limits.js'

/**
 * Makes a TIFF of several pages, each of its own size and colours. `makePage` writes one page.
 * Over all of them the limit on pixels holds.
 */
export async function makeTiffOfPages(
  pages: number,
  plan: RenditionPlan,
  target: string,
  limits: EngineLimits,
  makePage: (plan: RenditionPlan, target: string) => Promise<Made>,
): Promise<Made> {
  refuseTooManyPages(pages, limits)
  const path = `${target}.page`
  const files: Buffer[] = []
  let first: Made | undefined
  let pixels = 0
  try {
    for (let page = 0; page < pages; page++) {
      const made = await makePage({ ...plan, page }, path)
      first ??= made
      pixels += made.width * made.height
      if (pixels > limits.maxPixels) throw tooManyPixels(limits.maxPixels)
      files.push(await readFile(path))
    }
  } finally {
    await rm(path, { force: true })
  }
  await writeFile(target, joinTiffs(files))
  if (!first) throw new Error('a TIFF without pages')
  return { ...first, pages, kept: [...first.kept, 'pages'] }
}

function tooManyPixels(maxPixels: number): HeraldError {
  return new HeraldError(
    'HERALD_TOO_MANY_PIXELS',
    `The pages together have more pixels than the ${maxPixels.toLocaleString('en')} this server takes.`,
    { remedy: 'Ask for a smaller width or height, or for one page.' },
  )
}
