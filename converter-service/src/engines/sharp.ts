import sharp from 'sharp'

export type { Metadata, OutputInfo, Sharp, SharpOptions } from 'sharp'
export type SharpVersions = typeof sharp.versions

// One picture at a time on one thread: as many children as cores is the fastest arrangement.
sharp.concurrency(1)
// Every file is read once; a cache would only hold memory.
sharp.cache(false)

/** sharp as every engine here uses it. */
export { sharp }
