import { createHash } from 'node:crypto'
import { basename, extname } from 'node:path'

// The limit of ext4, APFS and NTFS, in bytes of UTF-8.
const maxNameBytes = 255

/** Characters that are invisible, change the reading direction, break the line or separate folders. */
export const unfit = /(?![\u200c\u200d])[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}/\\]/gu

/**
 * The names of the renditions of `sourceName`, one for each extension, in order:
 * `harbour.jpg` → `harbour.webp`. If an extension is repeated, `-2`, `-3` and so on are inserted:
 * `harbour.webp`, `harbour-2.webp`. Unfit characters become `_`. A name that is too long is cut
 * between characters and ends with eight digits of its hash.
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
 * The file name of one page (from 1) of `pages`: page 1 of 12 of `scan.png` is `scan-page-01.png`.
 * All pages have as many digits as the last one, so that the names sort like the pages.
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
  // Two long names may differ only in the part that is cut off.
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
