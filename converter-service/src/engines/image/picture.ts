import type { FormatDescription } from '../../formats.js'
import type { Slowness } from '../engine.js'
import type { Metadata, Sharp, SharpOptions } from './sharp.js'
import type { Size } from './target-size.js'

/** An uploaded picture whose header has been read. */
export interface Picture {
  readonly format: FormatDescription
  /** Of the page that was opened. */
  readonly metadata: Partial<Metadata>
  /** Of one page, upright. */
  readonly width: number
  readonly height: number
  /** Readable pages of the whole file. */
  readonly pages: number
  /** All pages or frames of the whole file, readable or not. */
  readonly frames: number
  /** A drawing, which can be enlarged without loss. */
  readonly scalable: boolean
  /** Why drawing it may take too long. */
  slowness?(): Slowness | undefined
  /** Opens its pixels: of the opened page, unless `options` name another. */
  read(options: ReadOptions): Promise<Sharp>
}

export interface ReadOptions extends SharpOptions {
  /** The target supports more than 8 bits per channel. */
  readonly deep?: boolean
  /** The size to draw a drawing at; by default its own. */
  readonly drawnSize?: Size
}
