import { resolve } from 'node:path'
import { badUrl } from '../../broker-url.js'

export interface EmbeddedLocation {
  /** Absolute. */
  readonly directory: string
  /** After so long without a heartbeat another consumer takes over from the active one. */
  readonly sessionTimeoutMs: number
}

const defaultSessionTimeoutMs = 10_000
const form = 'Use embedded:./data/broker, a folder of this machine'

/** Throws BROKER_BAD_URL. */
export function parseEmbeddedUrl(url: string): EmbeddedLocation {
  const bad = badUrl(url, ['sessionTimeoutMs'], form)
  const [, folder = '', query = ''] = /^embedded:([^?]*)\??(.*)$/s.exec(url) ?? []
  if (folder.trim() === '') throw bad('names no folder')
  if (folder.startsWith('//')) throw bad('names a host, which the embedded broker does not have')
  if (folder.includes('\0')) throw bad('holds a NUL character')
  let sessionTimeoutMs = defaultSessionTimeoutMs
  for (const [name, value] of new URLSearchParams(query)) {
    if (name !== 'sessionTimeoutMs') {
      throw bad(`sets ${name}, but only sessionTimeoutMs can be set`)
    }
    if (!/^[1-9]\d{1,8}$/.test(value)) {
      throw bad(`sets ${name} to something other than 10…999999999 ms`)
    }
    sessionTimeoutMs = Number(value)
  }
  return { directory: resolve(folder), sessionTimeoutMs }
}
