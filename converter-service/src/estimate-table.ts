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
  /** Per million pixels that are written: of a flat picture; what more if it is not, and if it is busy. */
  readonly msPerMpx: number
  readonly msPerMpxOfTexture: number
  readonly msPerMpxOfDetail: number
  /** Bytes of memory per pixel. */
  readonly memory: number
  /** How much longer each effort from 0 to 9 takes than the usual one. */
  readonly efforts?: readonly number[]
}

export interface CostTable {
  readonly taskMs: number
  /** Per million pixels that are read, where the size changes. */
  readonly resizeMsPerMpx: number
  readonly sources: Readonly<Record<string, SourceCost>>
  /** By format, or by format and way: `png palette`, `webp lossless`. */
  readonly targets: Readonly<Record<string, TargetCost>>
}

/**
 * As `test/calibrate.ts` measured it in November 2026: sharp 0.35.5 on one thread of a virtual
 * machine (x86-64, two cores), 816 conversions of made pictures and of real ones, fitted so that
 * twice as much counts as half as much. It explains half of them to within a factor of 1.27, nine
 * in ten to within 2.1. Memory is rounded up to what the largest pictures took.
 */
export const costTable: CostTable = {
  taskMs: 5.2,
  resizeMsPerMpx: 1.6,
  sources: {
    jpeg: { msPerMpx: 4.3, msPerMB: 147, busyBits: 6, memory: 3.5 },
    'jpeg shrunk': { msPerMpx: 6.3, msPerMB: 48, busyBits: 6, memory: 2.5 },
    png: { msPerMpx: 5.4, msPerMB: 8.1, busyBits: 24, memory: 4 },
    webp: { msPerMpx: 30, msPerMB: 162, busyBits: 5, memory: 8 },
    'webp shrunk': { msPerMpx: 13, msPerMB: 75, busyBits: 5, memory: 8 },
    avif: { msPerMpx: 46, msPerMB: 308, busyBits: 4, memory: 10 },
    gif: { msPerMpx: 13, msPerMB: 4.4, busyBits: 8, memory: 5 },
    tiff: { msPerMpx: 1, msPerMB: 37, memory: 5 },
    // Not measured: decoded outside of sharp, and about as dear as its kin.
    heic: { msPerMpx: 100, msPerMB: 300, busyBits: 4, memory: 20 },
    bmp: { msPerMpx: 10, msPerMB: 5, memory: 8 },
    ico: { msPerMpx: 20, msPerMB: 20, memory: 8 },
    svg: { msPerMpx: 30, msPerMB: 100, memory: 8, unsure: true },
  },
  targets: {
    jpeg: { msPerMpx: 7.2, msPerMpxOfTexture: 3, msPerMpxOfDetail: 0, memory: 3 },
    png: {
      msPerMpx: 3,
      msPerMpxOfTexture: 19,
      msPerMpxOfDetail: 15,
      memory: 4,
      efforts: [0.6, 0.64, 0.7, 0.76, 0.8, 0.9, 1, 1.1, 1.2, 1.3],
    },
    'png palette': {
      msPerMpx: 17,
      msPerMpxOfTexture: 214,
      msPerMpxOfDetail: 128,
      memory: 8,
      efforts: [0.9, 0.92, 0.94, 0.96, 0.98, 0.99, 1, 1.2, 1.5, 1.7],
    },
    webp: {
      msPerMpx: 44,
      msPerMpxOfTexture: 24,
      msPerMpxOfDetail: 42,
      memory: 5,
      efforts: [0.4, 0.44, 0.45, 0.56, 0.93, 0.95, 1, 1.01, 1.1, 2.3],
    },
    'webp lossless': {
      msPerMpx: 10,
      msPerMpxOfTexture: 400,
      msPerMpxOfDetail: 80,
      memory: 20,
      efforts: [0.12, 0.36, 0.37, 0.47, 0.5, 0.56, 1, 1.9, 2, 2.2],
    },
    avif: {
      msPerMpx: 83,
      msPerMpxOfTexture: 234,
      msPerMpxOfDetail: 208,
      memory: 30,
      efforts: [0.22, 0.37, 1, 1.4, 5, 6.8, 15, 27, 33, 87],
    },
    'avif lossless': {
      msPerMpx: 369,
      msPerMpxOfTexture: 461,
      msPerMpxOfDetail: 99,
      memory: 30,
      efforts: [0.22, 0.37, 1, 1.4, 5, 6.8, 15, 27, 33, 87],
    },
    gif: {
      msPerMpx: 12,
      msPerMpxOfTexture: 266,
      msPerMpxOfDetail: 124,
      memory: 8,
      efforts: [1, 1, 1, 1.4, 3.1, 5, 6.6, 9.7, 11, 16],
    },
    tiff: { msPerMpx: 2, msPerMpxOfTexture: 25, msPerMpxOfDetail: 7, memory: 6 },
  },
}
