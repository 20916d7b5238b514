import { readSync } from 'node:fs'
import { HeraldError } from '@herald/proto/errors'

/** FPDF_ERR_PASSWORD and FPDF_ERR_SECURITY of fpdfview.h. */
const locked = new Set([4, 5])

/** The library mends what is cut off as well as it can, which shows empty pages for lost ones. */
export function refuseCutOff(file: number, size: number): void {
  const tail = Buffer.alloc(Math.min(size, 64 * 1024))
  readSync(file, tail, 0, tail.length, size - tail.length)
  if (!tail.includes('startxref')) throw damagedPdf('is cut off: its end is missing')
}

/** What FPDF_GetLastError means to a person. */
export function explainPdfFault(fault: number): HeraldError {
  if (locked.has(fault)) {
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
  return new HeraldError('HERALD_TOO_MUCH_MEMORY', 'The page takes more memory than there is.', {
    remedy: 'Ask for fewer dots per inch, or for a smaller width.',
  })
}
