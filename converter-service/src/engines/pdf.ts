import { rm, writeFile } from 'node:fs/promises'
import { HeraldError } from '@herald/proto/errors'
import { defaultDpi } from '@herald/proto/rendition-options'
import type { Engine, EngineLimits, RenditionPlan, RenditionResult, SourceFile } from './engine.js'
import { refuseTooManyPages } from './image/refusals.js'
import { sharp } from './image/sharp.js'
import { drawingOf, type Size } from './image/target-size.js'
import { imageEngine } from './image.js'
import { bindPictures } from './pdf/pdf-of-pictures.js'
import { PdfDocument, pdfiumVersion } from './pdf/pdfium.js'

/** PDF by PDFium: draws pages for the image engine, extracts pages, makes PDFs of pictures. */
export const pdfEngine: Engine = {
  name: 'pdf',

  async probe() {
    const { makes } = await imageEngine.probe()
    const pictures = [...new Set(Object.values(makes).flat())]
    return {
      makes: {
        pdf: ['pdf', ...pictures],
        ...Object.fromEntries(Object.keys(makes).map((picture) => [picture, ['pdf']])),
      },
      versions: { pdfium: pdfiumVersion },
    }
  },

  /** The size is that of the first page at the default resolution. */
  async inspect(source) {
    if (source.format !== 'pdf') return imageEngine.inspect(source)
    return withPdf(source, async (pdf) => {
      const { width, height } = pdf.pageSize(0)
      const scale = defaultDpi / 72
      return {
        width: Math.round(width * scale),
        height: Math.round(height * scale),
        pages: pdf.pages,
        holds: pdf.holds,
      }
    })
  },

  async convert(source, plan, target, limits) {
    if (source.format !== 'pdf') return bindPictures(source, plan, target, limits)
    return withPdf(source, (pdf) => {
      refusePage(pdf, plan, limits)
      return plan.format === 'pdf'
        ? extractPages(pdf, plan, target)
        : drawPage(pdf, plan, target, limits)
    })
  },

  async preview(rendition, limits) {
    if (rendition.format !== 'pdf') return imageEngine.preview(rendition, limits)
    return withPdf(rendition, async (pdf) => {
      const small = drawingOf(pdf.pageSize(0), { ...smallPlan })
      const picture = `${rendition.path}.page`
      try {
        await draw(pdf, 0, small.size, '#ffffff', picture)
        return await imageEngine.preview({ path: picture, format: 'tiff' }, limits)
      } finally {
        await rm(picture, { force: true })
      }
    })
  },
}

const smallPlan = { width: 640, height: 640, fit: 'inside', rotate: 0 } as const

async function withPdf<T>(
  { path }: SourceFile,
  work: (pdf: PdfDocument) => Promise<T>,
): Promise<T> {
  const pdf = await PdfDocument.open(path)
  try {
    return await work(pdf)
  } finally {
    pdf.close()
  }
}

/** A single page of a long PDF is allowed; without `page` all of its pages count. */
function refusePage(pdf: PdfDocument, { page }: RenditionPlan, limits: EngineLimits): void {
  if (page === undefined) refuseTooManyPages(pdf.pages, limits)
  else if (page >= pdf.pages) {
    const has = pdf.pages === 1 ? 'one page' : `pages 1 to ${pdf.pages}`
    throw new HeraldError(
      'HERALD_BAD_OPTION',
      `The file has ${has}; page ${page + 1} was requested.`,
      { remedy: 'Request a page that the file has.' },
    )
  }
}

async function extractPages(
  pdf: PdfDocument,
  plan: RenditionPlan,
  target: string,
): Promise<RenditionResult> {
  if (plan.rotate % 90 !== 0) {
    throw new HeraldError(
      'HERALD_BAD_OPTION',
      `The pages of a PDF can be rotated by 90, 180 or 270 degrees, not by ${plan.rotate}.`,
      { remedy: 'Choose one of these, or convert to a picture.' },
    )
  }
  const pages =
    plan.page === undefined ? Array.from({ length: pdf.pages }, (_, page) => page) : [plan.page]
  await writeFile(target, pdf.extract(pages, plan.rotate))
  const { width, height } = pdf.pageSize(plan.page ?? 0)
  const turned = plan.rotate % 180 === 0 ? { width, height } : { width: height, height: width }
  return {
    width: Math.round((turned.width * defaultDpi) / 72),
    height: Math.round((turned.height * defaultDpi) / 72),
    pages: pages.length,
    kept: ['pages'],
    encoder: `pdfium ${pdfiumVersion}`,
  }
}

async function drawPage(
  pdf: PdfDocument,
  plan: RenditionPlan,
  target: string,
  limits: EngineLimits,
): Promise<RenditionResult> {
  const page = plan.page ?? 0
  const { size, rest } = drawingOf(pdf.pageSize(page), plan)
  refuseTooManyPixels(size, limits)
  const picture = `${target}.page`
  try {
    await draw(pdf, page, size, plan.background ?? '#ffffff', picture)
    const made = await imageEngine.convert(
      { path: picture, format: 'tiff' },
      { ...unpaged(plan), ...rest },
      target,
      limits,
    )
    return plan.page === undefined ? made : { ...made, kept: [...made.kept, 'pages'] }
  } finally {
    await rm(picture, { force: true })
  }
}

/** Draws the page to an uncompressed TIFF, which the image engine converts. */
async function draw(
  pdf: PdfDocument,
  page: number,
  size: Size,
  background: string,
  to: string,
): Promise<void> {
  const drawing = pdf.draw(page, size, background)
  try {
    const raw = { width: size.width, height: size.height, channels: 3 } as const
    await sharp(drawing.pixels, { raw, limitInputPixels: false })
      .tiff({ compression: 'none' })
      .toFile(to)
  } finally {
    drawing.free()
  }
}

/** The plan for the drawn page, which has its size already. */
function unpaged(plan: RenditionPlan): RenditionPlan {
  const { page: _page, dpi: _dpi, width: _width, height: _height, ...picture } = plan
  return picture
}

function refuseTooManyPixels({ width, height }: Size, { maxPixels }: EngineLimits): void {
  if (width * height <= maxPixels) return
  const [pixels, across, down, most] = [width * height, width, height, maxPixels].map((figure) =>
    figure.toLocaleString('en'),
  )
  throw new HeraldError(
    'HERALD_TOO_MANY_PIXELS',
    `The page would be drawn with ${pixels} pixels (${across} × ${down}); this server draws at most ${most}.`,
    { remedy: 'Request fewer dots per inch, or a smaller width.' },
  )
}
