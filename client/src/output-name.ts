import { basename, extname } from 'node:path'

// What ext4, APFS and NTFS take at the most, in bytes of UTF-8.
const maxNameBytes = 255

/** What would hide, reverse or break a name where people see it, or lead out of its folder. */
const unfit = /(?![\u200c\u200d])[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}/\\]/gu

/**
 * The names of the renditions of `sourceName`, one for each extension, in order:
 * `harbour.jpg` → `harbour.webp`. Where an extension comes again, `-2`, `-3`, … stand before it:
 * `harbour.webp`, `harbour-2.webp`. What is unfit for a name becomes `_`.
 */
export function outputNames(sourceName: string, extensions: readonly string[]): string[] {
  const stem = fitStem(sourceName)
  const seen = new Map<string, number>()
  return extensions.map((extension) => {
    const count = (seen.get(extension) ?? 0) + 1
    seen.set(extension, count)
    const end = `${count === 1 ? '' : `-${count}`}.${extension}`
    return shortened(stem, maxNameBytes - Buffer.byteLength(end)) + end
  })
}

function fitStem(sourceName: string): string {
  const name = basename(sourceName)
  const stem = name.slice(0, name.length - extname(name).length).replace(unfit, '_')
  return /^[\s.]*$/.test(stem) ? 'file' : stem
}

/** At most `maxBytes` of UTF-8, cut between characters. */
function shortened(text: string, maxBytes: number): string {
  let bytes = 0
  let kept = ''
  for (const character of text) {
    bytes += Buffer.byteLength(character)
    if (bytes > maxBytes) break
    kept += character
  }
  return kept
}
