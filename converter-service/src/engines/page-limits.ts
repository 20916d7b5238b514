import { HeraldError } from '@herald/proto/errors'
import type { EngineLimits } from './engine.js'

/** Refuses a document of which more pages would be read than are allowed. */
export function refuseTooManyPages(pages: number, { maxPages }: EngineLimits): void {
  if (pages <= maxPages) return
  throw new HeraldError(
    'HERALD_TOO_MANY_PAGES',
    `The document has ${pages.toLocaleString('en')} pages; this server takes ${maxPages.toLocaleString('en')}.`,
    { remedy: 'Ask for one of its pages, or split it.' },
  )
}
