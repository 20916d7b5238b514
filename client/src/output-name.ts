import { createHash } from 'node:crypto'
import { basename, extname } from 'node:path'

// What ext4, APFS and NTFS take at the most, in bytes of UTF-8.
const maxNameBytes = 255

/** What would hide, reverse or break a name where people see it, or lead out of its folder. */
export const unfit = /(?![\u200c\u200d])[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}/\\]/gu

/**
 * The names of the renditions of `sourceName`, one for each extension, in order:
 * `harbour.jpg` → `harbour.webp`. Where an extension comes again, `-2`, `-3`, … stand before it:
 * `harbour.webp`, `harbour-2.webp`. What is unfit for a name becomes `_`; a name that no file
 * system takes is cut between characters and ends with eight digits that stand for all of it.
 */
export function outputNames(sourceName: string, extensions: readonly string[]): string[] {
  const stem = fitStem(sourceName)
  const seen = new Map<string, number>()
  return extensions.map((extension) => {
    const count = (seen.get(extension) ?? 0) + 1
    seen.set(extension, count)
    return fitted(stem, `${count === 1 ? '' : `-${count}`}.${extension}`)
  })
}

/**
 * The file name of one page (counted from 1) of `pages`: the first of 12 of `scan.png` is
 * `scan-page-01.png`. As many digits as the last page has, so that names sort as pages do.
 */
export function pageName(name: string, page: number, pages: number): string {
  const digits = String(pages).length
  const extension = extname(name)
  const stem = name.slice(0, name.length - extension.length)
  return fitted(stem, `-page-${String(page).padStart(digits, '0')}${extension}`)
}

/** Whether `candidate` is the file name of a page of `name`, for any number of pages. */
export function isPageName(candidate: string, name: string): boolean {
  const [, page] = /-page-(\d{1,9})(?:\.[^.]*)?$/.exec(candidate) ?? []
  return page !== undefined && candidate === pageName(name, Number(page), 10 ** page.length - 1)
}

function fitStem(sourceName: string): string {
  const name = basename(sourceName)
  const stem = name.slice(0, name.length - extname(name).length).replace(unfit, '_')
  return /^[\s.]*$/.test(stem) ? 'file' : stem
}

const characters = new Intl.Segmenter(undefined, { granularity: 'grapheme' })

function fitted(stem: string, end: string): string {
  if (Buffer.byteLength(stem + end) <= maxNameBytes) return stem + end
  // Two long names may differ only in what is cut away.
  const mark = `-${createHash('sha256').update(stem).digest('hex').slice(0, 8)}${end}`
  let room = maxNameBytes - Buffer.byteLength(mark)
  let kept = ''
  for (const { segment } of characters.segment(stem)) {
    room -= Buffer.byteLength(segment)
    if (room < 0) break
    kept += segment
  }
  return kept + mark
}
