import { readSync } from 'node:fs'
import { HeraldError } from '@herald/proto/errors'

/** FPDF_ERR_PASSWORD and FPDF_ERR_SECURITY of fpdfview.h. */
const locked = new Set([4, 5])

const blockBytes = 64 * 1024
/** Longer than what is searched for, which may span two blocks. */
const overlapBytes = 32

/**
 * Refuses a PDF that ends after an object, without a trailer: PDFium would repair it and show empty
 * pages for lost ones. Other bytes may follow the trailer.
 */
export function refuseCutOff(file: number, size: number): void {
  for (let end = size; end > 0; end -= blockBytes) {
    const start = Math.max(0, end - blockBytes)
    const block = Buffer.alloc(Math.min(end + overlapBytes, size) - start)
    readSync(file, block, 0, block.length, start)
    const text = block.toString('latin1')
    const trailer = Math.max(text.lastIndexOf('startxref'), text.lastIndexOf('trailer'))
    if (/\d\s+\d+\s+obj\b/.test(text.slice(Math.max(0, trailer)))) break
    if (trailer >= 0) return
  }
  throw damagedPdf('is cut off: its end is missing')
}

/** The error for a code of FPDF_GetLastError. */
export function explainPdfError(code: number): HeraldError {
  if (locked.has(code)) {
    return new HeraldError('HERALD_LOCKED_FILE', 'This PDF is locked with a password.', {
      remedy: 'Open it with its password, save or print it as a PDF without one, and upload that.',
    })
  }
  return damagedPdf('is damaged')
}

export function damagedPdf(what: string): HeraldError {
  return new HeraldError('HERALD_CORRUPT_FILE', `This PDF file ${what}.`, {
    remedy: 'Check that it opens in a PDF viewer; save or download it again.',
  })
}

export function pageTooLarge(): HeraldError {
  return new HeraldError(
    'HERALD_TOO_MUCH_MEMORY',
    'Drawing the page takes more memory than is available.',
    {
      remedy: 'Request fewer dots per inch, or a smaller width.',
    },
  )
}
