import type { RenditionPlan } from './engines/engine.js'
import { defaultDpi, drawingOf } from './engines/page-drawing.js'
import type { Estimate, SourceFacts } from './estimate.js'
import { formatNamed } from './formats.js'

/** PDFium with its fonts in a child: measured. */
const pdfiumMemory = 60 * 1024 ** 2
/** To copy a page from one PDF to another. */
const msPerCopy = 1

/**
 * Predicts what pages cost: of a PDF or a document, or to be bound to a PDF. One page is held at
 * a time, however many there are. Undefined where no pages are concerned.
 */
export function estimatePages(
  source: SourceFacts,
  plan: RenditionPlan,
  ofPicture: (source: SourceFacts, plan: RenditionPlan) => Estimate,
): Estimate | undefined {
  const { width, height, sizeBytes } = source
  const pages = plan.page === undefined && !plan.everyPage ? source.pages : 1
  if (formatNamed(source.format).engine === 'image') {
    if (plan.format !== 'pdf') return undefined
    const one = ofPicture({ ...source, pages: 1 }, { ...plan, format: 'png' })
    return { ...one, pages, ms: one.ms * pages }
  }
  if (plan.format === 'pdf') {
    const { memoryBytes } = ofPicture({ ...source, width: 1, height: 1, pages: 1 }, plan)
    const copied = memoryBytes + pdfiumMemory + 2 * sizeBytes
    return { width, height, pages, ms: msPerCopy * pages, memoryBytes: copied, sure: false }
  }
  const points = { width: (width * 72) / defaultDpi, height: (height * 72) / defaultDpi }
  const { size, rest } = drawingOf(points, plan)
  const { width: _width, height: _height, ...wishes } = plan
  const drawn = { ...source, format: 'tiff', ...size, pages: 1 }
  const made = ofPicture(drawn, { ...wishes, ...rest })
  return { ...made, memoryBytes: made.memoryBytes + pdfiumMemory, sure: false }
}
