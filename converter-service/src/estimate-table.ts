/** What it costs to read a format: processor milliseconds. */
export interface SourceCost {
  /** Per million pixels that are read. */
  readonly msPerMpx: number
  /** Per million bytes of the file. */
  readonly msPerMB: number
  /** Bits per pixel at which a file of this format is full of detail; absent where its size tells nothing. */
  readonly busyBits?: number
  /** Bytes of memory per pixel. */
  readonly memory: number
  /** The cost cannot be told from the header: a drawing, a document. */
  readonly unsure?: true
}

/** What it costs to write a format, at its usual effort. */
export interface TargetCost {
  /** Per million pixels that are written: of a flat picture, and of one full of detail more. */
  readonly msPerMpx: number
  readonly msPerMpxOfDetail: number
  /** Bytes of memory per pixel. */
  readonly memory: number
  /** How much longer each effort from 0 takes than the usual one. */
  readonly efforts?: readonly number[]
  readonly usualEffort?: number
}

export interface CostTable {
  readonly taskMs: number
  /** Per million pixels that are read, where the size changes. */
  readonly resizeMsPerMpx: number
  readonly sources: Readonly<Record<string, SourceCost>>
  /** By format, or by format and way: `png palette`, `webp lossless`. */
  readonly targets: Readonly<Record<string, TargetCost>>
}

export const costTable: CostTable = {
  taskMs: 3,
  resizeMsPerMpx: 12,
  sources: {
    jpeg: { msPerMpx: 8, msPerMB: 25, busyBits: 6, memory: 4 },
    'jpeg shrunk': { msPerMpx: 5, msPerMB: 20, busyBits: 6, memory: 2 },
    png: { msPerMpx: 10, msPerMB: 10, busyBits: 24, memory: 4 },
    webp: { msPerMpx: 10, msPerMB: 30, busyBits: 5, memory: 8 },
    'webp shrunk': { msPerMpx: 8, msPerMB: 30, busyBits: 5, memory: 4 },
    avif: { msPerMpx: 40, msPerMB: 40, busyBits: 4, memory: 8 },
    gif: { msPerMpx: 10, msPerMB: 10, busyBits: 8, memory: 8 },
    tiff: { msPerMpx: 8, msPerMB: 2, memory: 4 },
    svg: { msPerMpx: 30, msPerMB: 100, memory: 8, unsure: true },
  },
  targets: {
    jpeg: { msPerMpx: 60, msPerMpxOfDetail: 60, memory: 8 },
    png: { msPerMpx: 60, msPerMpxOfDetail: 60, memory: 4 },
    'png palette': { msPerMpx: 500, msPerMpxOfDetail: 1000, memory: 8 },
    webp: {
      msPerMpx: 80,
      msPerMpxOfDetail: 150,
      memory: 8,
      usualEffort: 4,
      efforts: [0.3, 0.4, 0.6, 0.8, 1, 1.2, 2],
    },
    'webp lossless': { msPerMpx: 300, msPerMpxOfDetail: 1000, memory: 12 },
    avif: {
      msPerMpx: 200,
      msPerMpxOfDetail: 500,
      memory: 30,
      usualEffort: 2,
      efforts: [0.5, 0.7, 1, 3, 8, 10, 14, 20, 30, 60],
    },
    'avif lossless': { msPerMpx: 400, msPerMpxOfDetail: 1000, memory: 30 },
    gif: { msPerMpx: 200, msPerMpxOfDetail: 800, memory: 8 },
    tiff: { msPerMpx: 40, msPerMpxOfDetail: 60, memory: 4 },
  },
}
