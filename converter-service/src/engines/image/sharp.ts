import sharp from 'sharp'

export type { Metadata, OutputInfo, Sharp, SharpOptions } from 'sharp'
export type SharpVersions = typeof sharp.versions

// One thread per child is fastest while as many children as cores are busy.
sharp.concurrency(1)
// Every file is read once, so a cache would only use memory.
sharp.cache(false)

/** sharp as every engine here uses it. */
export { sharp }

/** The number of threads for each picture from the next one on. */
export function useThreads(count: number): void {
  sharp.concurrency(count)
}
