import { resolve } from 'node:path'
import { BrokerError } from '../../broker.js'

export interface EmbeddedLocation {
  /** Absolute. */
  readonly directory: string
  /** How long a member that shows no sign of life (a stopped process) keeps its partitions. */
  readonly sessionTimeoutMs: number
  /** How long a member that must hand over a partition waits for its handlers at work. */
  readonly handoverMs: number
}

const form = 'Use embedded:./data/broker, a folder of this machine'
const defaults = { sessionTimeoutMs: 10_000, handoverMs: 5_000 }

/**
 * Reads `embedded:FOLDER[?sessionTimeoutMs=10000&handoverMs=5000]`; FOLDER as it is, relative to
 * the working directory. Throws BROKER_BAD_URL. Touches nothing.
 */
export function parseEmbeddedUrl(url: string): EmbeddedLocation {
  const bad = (why: string) =>
    new BrokerError('BROKER_BAD_URL', `${JSON.stringify(url)} ${why}. ${form}.`)
  const [, folder = '', query = ''] = /^embedded:([^?]*)\??(.*)$/s.exec(url) ?? []
  if (folder.trim() === '') throw bad('names no folder')
  if (folder.startsWith('//')) throw bad('names a host, which the embedded broker has not')
  if (folder.includes('\0')) throw bad('holds a NUL character')
  const settings = { ...defaults }
  for (const [name, value] of new URLSearchParams(query)) {
    if (!Object.hasOwn(defaults, name)) {
      throw bad(`sets ${name}, but only ${Object.keys(defaults).join(' and ')} can be set`)
    }
    if (!/^[1-9]\d{1,8}$/.test(value))
      throw bad(`sets ${name} to something other than 10…999999999 ms`)
    settings[name as keyof typeof defaults] = Number(value)
  }
  return { directory: resolve(folder), ...settings }
}
