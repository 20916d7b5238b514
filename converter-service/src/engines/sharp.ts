import sharp from 'sharp'

export type { Metadata, OutputInfo, Sharp, SharpOptions } from 'sharp'
export type SharpVersions = typeof sharp.versions

// As many children as cores, on one thread each, is the fastest arrangement while all are busy.
sharp.concurrency(1)
// Every file is read once; a cache would only hold memory.
sharp.cache(false)

/** sharp as every engine here uses it. */
export { sharp }

/** From the next picture on, so many threads work at each. */
export function useThreads(count: number): void {
  sharp.concurrency(count)
}
