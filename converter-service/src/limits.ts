import { humanBytes } from '@herald/runtime/terminal-text'
import type { ConverterConfig } from './config.js'

/** The most renditions of one upload; part of the contract. */
export const maxRenditions = 16
/** The longest file name, in bytes of UTF-8; part of the contract. */
export const maxFileNameBytes = 1024
/** The largest chunk a client may send; part of the contract. */
export const maxChunkBytes = 1024 * 1024
/** The chunks this server sends. A slow reader must be able to take one within HERALD_IDLE. */
export const chunkBytes = 64 * 1024

export type Limits = Pick<
  ConverterConfig,
  'maxBytes' | 'maxPixels' | 'maxPages' | 'timeoutMs' | 'cpuMs' | 'memoryBytes' | 'maxOutputBytes'
>

/** `100 MB (100,000,000 bytes)` */
export function describeBytes(bytes: number): string {
  const exact = `${bytes.toLocaleString('en')} bytes`
  return bytes < 1_000_000 ? exact : `${humanBytes(bytes)} (${exact})`
}
