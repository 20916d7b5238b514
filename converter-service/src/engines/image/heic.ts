import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { HeraldError } from '@herald/proto/errors'
import type createLibheif from 'libheif-js/libheif-wasm/libheif.js'
import type { Pixels } from './pixels.js'
import { readHead } from './read-head.js'
import { damaged } from './refusals.js'

const require = createRequire(import.meta.url)
/** The properties of the pictures, among them the codec, come first. */
const searchedBytes = 256 * 1024
const folder = 'libheif-js/libheif-wasm/libheif'

/**
 * Decodes a picture of a HEIC file: the libheif of sharp has no decoder for HEVC. The result is
 * upright, as libheif applies the file's own rotation and mirroring.
 */
export async function decodeHevc(
  path: string,
  page: number,
  { deep, alpha }: { readonly deep: boolean; readonly alpha: boolean },
): Promise<Pixels> {
  // A new instance for each file, which frees its memory and whatever a hostile file left in it.
  // Loaded here, to save memory in children that read no HEIC.
  const create = require(`${folder}.js`) as (typeof createLibheif)['default']
  const heif = await create({ wasmBinary: await readFile(require.resolve(`${folder}.wasm`)) })
  try {
    const context = heif.heif_context_alloc()
    const read = heif.heif_context_read_from_memory(context, await readFile(path))
    if (read.code.value !== 0) throw new Error(String(read.message))
    const id = heif.heif_js_context_get_list_of_top_level_image_IDs(context)[page]
    const handle = heif.heif_js_context_get_image_handle(context, id)
    if (handle.code) throw new Error(handle.message)
    const { heif_chroma: chroma, heif_colorspace: space } = heif
    const layout = deep
      ? alpha
        ? chroma.heif_chroma_interleaved_RRGGBBAA_LE
        : chroma.heif_chroma_interleaved_RRGGBB_LE
      : alpha
        ? chroma.heif_chroma_interleaved_RGBA
        : chroma.heif_chroma_interleaved_RGB
    const decoded = heif.heif_js_decode_image2(handle, space.heif_colorspace_RGB, layout)
    const [plane] = decoded.channels ?? []
    if (!plane) throw new Error(decoded.message ?? 'no pixels')
    return pack(plane, alpha ? 4 : 3, deep)
  } catch (error) {
    throw explain(error)
  }
}

/** sharp reports HEVC by the brand, which a HEIF file with AV1 may have as well. */
export async function containsHevc(path: string): Promise<boolean> {
  const head = await readHead(path, searchedBytes)
  return head.includes('hvcC') || !head.includes('av1C')
}

/** The version of the package, read without loading it. */
export function libheifVersion(): string {
  return (require('libheif-js/package.json') as { version: string }).version
}

/** One plane of interleaved channels as libheif returns it: a view into its memory. */
interface Plane {
  readonly width: number
  readonly height: number
  readonly stride: number
  readonly bits_per_pixel: number
  readonly data: Uint8Array
}

function pack(plane: Plane, channels: 3 | 4, deep: boolean): Pixels {
  const { width, height, stride, data, bits_per_pixel: bits } = plane
  const rowSize = width * channels * (deep ? 2 : 1)
  const packed = new Uint8Array(rowSize * height)
  for (let y = 0; y < height; y++) {
    packed.set(data.subarray(y * stride, y * stride + rowSize), y * rowSize)
  }
  if (!deep) return { width, height, channels, data: packed }
  const wide = new Uint16Array(packed.buffer)
  // From 10 or 12 bits to 16: the upper bits fill up the lower ones, so that white stays white.
  for (let at = 0; at < wide.length; at++) {
    const value = wide[at] as number
    wide[at] = (value << (16 - bits)) | (value >> (2 * bits - 16))
  }
  return { width, height, channels, data: wide }
}

function explain(error: unknown): HeraldError {
  if (error instanceof HeraldError) return error
  const message = String(error instanceof Error ? error.message : error)
  if (/memory|allocat|security limit/i.test(message)) {
    return new HeraldError(
      'HERALD_TOO_MUCH_MEMORY',
      "Decoding this HEIC picture takes more memory than the decoder's limit.",
      { remedy: 'Export it as JPEG first, or make it smaller.', cause: error },
    )
  }
  if (/unsupported|no decoding plugin/i.test(message)) {
    return new HeraldError(
      'HERALD_UNSUPPORTED_FILE',
      'This HEIC file uses an encoding that is not supported.',
      { remedy: 'Export it as JPEG first.', cause: error },
    )
  }
  const cutOff = /end of (file|data)|outside of file/i.test(message)
  return damaged(cutOff ? 'is cut off: its end is missing' : 'is damaged', 'HEIC')
}
