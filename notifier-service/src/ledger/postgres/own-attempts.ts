import { randomUUID } from 'node:crypto'
import type { MailRecord } from '../mail-record.js'
import { interrupted } from '../mail-states.js'
import type { Lease } from './lease.js'
import type { MailKey, MailRow } from './mail-table.js'

/** An attempt of this holder that is under way. */
export interface OwnAttempt {
  /** Of the row that the attempt has written. */
  readonly tag: string
  readonly record: MailRecord
  /** Of the row that its end writes, the same for each try to write it. */
  readonly endTag: string
}

/** The attempts that this holder has begun; their rows alone do not show whether they are under way. */
export class OwnAttempts {
  readonly #lease: Lease
  readonly #underWay = new Map<string, OwnAttempt>()
  /** No answer came to the write that begins it, so the mail was not sent: it is as before. */
  readonly #notBegun = new Map<string, { tag: string; before: MailRecord | undefined }>()

  constructor(lease: Lease) {
    this.#lease = lease
  }

  get(key: MailKey): OwnAttempt | undefined {
    return this.#underWay.get(nameOf(key))
  }

  begun(key: MailKey, tag: string, record: MailRecord): void {
    this.#notBegun.delete(nameOf(key))
    this.#underWay.set(nameOf(key), { tag, record, endTag: randomUUID() })
  }

  /** The row may be written nevertheless. */
  notBegun(key: MailKey, tag: string, before: MailRecord | undefined): void {
    this.#notBegun.set(nameOf(key), { tag, before })
  }

  ended(key: MailKey): void {
    this.#underWay.delete(nameOf(key))
  }

  /** The record of the row, with attempts that nobody will end as unknown. */
  view(row: MailRow): MailRecord | undefined {
    const { record, tag, held } = row
    if (record.state !== 'attempting' || this.get(row)?.tag === tag) return record
    const notBegun = this.#notBegun.get(nameOf(row))
    if (notBegun?.tag === tag) return notBegun.before
    return held && !this.#lease.isOwn(record.holder) ? record : interrupted(record)
  }
}

export const nameOf = ({ id, source }: MailKey) => `${source}\n${id}`
