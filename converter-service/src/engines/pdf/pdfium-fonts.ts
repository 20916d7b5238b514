import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import type { WrappedPdfiumModule } from '@embedpdf/pdfium'

/** The table tag that requests a whole font collection ('ttcf'). */
const collection = 0x74746366

/**
 * Lets PDFium use the fonts of this machine for text whose font is not embedded
 * (fpdf_sysfontinfo.h). Without them PDFium has only its own Latin fonts, and other scripts stay
 * empty.
 */
export function offerSystemFonts(lib: WrappedPdfiumModule): void {
  const { addFunction, setValue, wasmExports, UTF8ToString } = lib.pdfium
  const lent: Font[] = []
  const handles = new Map<string, number>()

  const map = (
    _self: number,
    weight: number,
    italic: number,
    charset: number,
    _pitch: number,
    face: number,
  ): number => {
    const request = { family: UTF8ToString(face), weight, italic: italic !== 0, charset }
    const key = JSON.stringify(request)
    const known = handles.get(key)
    if (known !== undefined) return known
    const font = findFont(request)
    // 0 means none: PDFium then uses its own.
    const handle = font ? lent.push(font) : 0
    handles.set(key, handle)
    return handle
  }
  const read = (_self: number, handle: number, table: number, to: number, room: number): number => {
    const font = lent[handle - 1]
    if (!font) return 0
    const isWhole = table === 0
    if (!isWhole && !(table === collection && font.offset > 0)) return 0
    // PDFium finds the face of a collection by the difference of the two lengths.
    const part = isWhole ? font.bytes.subarray(font.offset) : font.bytes
    if (to !== 0 && room >= part.length) {
      // Read again each time: the memory moves when it grows.
      const { HEAPU8 } = lib.pdfium as unknown as { HEAPU8: Uint8Array }
      HEAPU8.set(part, to)
    }
    return part.length
  }
  const slots = [
    1,
    addFunction(() => {}, 'vi'), // Release
    addFunction(() => {}, 'vii'), // EnumFonts
    addFunction(map, 'iiiiiiii'), // MapFont
    addFunction(() => 0, 'iii'), // GetFont
    addFunction(read, 'iiiiii'), // GetFontData
    addFunction(() => 0, 'iiiii'), // GetFaceName
    addFunction(() => 0, 'iii'), // GetFontCharset
    addFunction(() => {}, 'vii'), // DeleteFont
  ]
  const info = wasmExports.malloc(slots.length * 4)
  slots.forEach((value, at) => {
    setValue(info + at * 4, value, 'i32')
  })
  lib.FPDF_SetSystemFontInfo(info)
}

/** A request for a font; see fpdf_sysfontinfo.h. */
interface FontRequest {
  readonly family: string
  /** 400 is regular, 700 bold. */
  readonly weight: number
  readonly italic: boolean
  /** A Windows character set: 0 is Western, 128 Japanese, ... */
  readonly charset: number
}

export interface Font {
  readonly bytes: Buffer
  /** Offset of the face in a font collection; 0 in a single font. */
  readonly offset: number
}

/** A language of each character set, and a character that a font for it must have. */
const scripts: Readonly<Record<number, { readonly language: string; readonly sample: number }>> = {
  0: { language: 'en', sample: 0x41 },
  1: { language: 'en', sample: 0x41 },
  128: { language: 'ja', sample: 0x3042 },
  129: { language: 'ko', sample: 0xd55c },
  134: { language: 'zh-cn', sample: 0x4e2d },
  136: { language: 'zh-tw', sample: 0x4e2d },
  161: { language: 'el', sample: 0x3b1 },
  163: { language: 'vi', sample: 0x1ea1 },
  177: { language: 'he', sample: 0x5d0 },
  178: { language: 'ar', sample: 0x627 },
  204: { language: 'ru', sample: 0x431 },
  222: { language: 'th', sample: 0xe01 },
  238: { language: 'pl', sample: 0x142 },
}

/** fontconfig's best match on this machine; undefined if no font has the script. */
export function findFont({ family, weight, italic, charset }: FontRequest): Font | undefined {
  const script = scripts[charset]
  if (!script) return undefined
  // The name comes from the file: remove what has a meaning in a pattern.
  const name = family.replace(/[^\p{L}\d ]/gu, ' ').slice(0, 100)
  const pattern = [
    name.trim() || 'sans-serif',
    `lang=${script.language}`,
    `charset=${script.sample.toString(16)}`,
    `weight=${weight >= 600 ? 200 : 80}`,
    `slant=${italic ? 100 : 0}`,
  ].join(':')
  try {
    const answer = execFileSync('fc-match', ['-f', '%{index}\n%{charset}\n%{file}', pattern], {
      encoding: 'utf8',
      timeout: 5000,
      stdio: ['ignore', 'pipe', 'ignore'],
    })
    const [index = '0', charsets = '', file = ''] = answer.split('\n')
    if (!contains(charsets, script.sample)) return undefined
    const bytes = readFileSync(file)
    const isCollection = bytes.toString('latin1', 0, 4) === 'ttcf'
    const offset = isCollection ? bytes.readUInt32BE(12 + 4 * (Number(index) & 0xffff)) : 0
    return { bytes, offset }
  } catch {
    // fontconfig is not installed, or a font that it lists is missing.
    return undefined
  }
}

/** Whether fontconfig's ranges, such as `20-7e a0 100-17f`, contain the character. */
function contains(charsets: string, character: number): boolean {
  return charsets.split(' ').some((range) => {
    const [first = '', last = first] = range.split('-')
    return character >= Number.parseInt(first, 16) && character <= Number.parseInt(last, 16)
  })
}
