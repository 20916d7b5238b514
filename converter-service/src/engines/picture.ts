import type { FormatDescription } from '../formats.js'
import type { Slowness } from './engine.js'
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
  /** Of the whole file, that can be read. */
  readonly pages: number
  /** Of the whole file, whether or not they can be read. */
  readonly frames: number
  /** Drawn, not sampled: it can be made larger without loss. */
  readonly scalable: boolean
  /** What of it may make it slow to draw. */
  slowness?(): Slowness | undefined
  /** Begins to read its pixels: of the page that was opened, unless `options` name others. */
  read(options: ReadOptions): Promise<Sharp>
}

export interface ReadOptions extends SharpOptions {
  /** More than 8 bits per channel are of use. */
  readonly deep?: boolean
  /** The size to draw a drawing at; by default its own. */
  readonly drawnSize?: Size
}
