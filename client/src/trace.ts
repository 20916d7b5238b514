import { randomBytes } from 'node:crypto'

/** A new W3C Trace Context (level 1, sampled): `00-<trace id>-<span id>-01`. */
export function newTraceparent(): string {
  return `00-${randomBytes(16).toString('hex')}-${randomBytes(8).toString('hex')}-01`
}
