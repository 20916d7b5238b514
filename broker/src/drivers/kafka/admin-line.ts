import type { Admin } from 'kafkajs'
import { isPassing } from './errors.js'

/** The connection on which topics and offsets are asked about, made when first needed. */
export class AdminLine {
  readonly #create: () => Admin
  #admin: Promise<Admin> | undefined

  constructor(create: () => Admin) {
    this.#create = create
  }

  /** Resolves to what `question` does. Rejects with kafkajs' error; the next one is asked on a new line then. */
  async ask<T>(question: (admin: Admin) => Promise<T>): Promise<T> {
    const asked = this.#connected()
    try {
      return await question(await asked)
    } catch (error) {
      // kafkajs keeps a connection on which an answer never came, and would wait on it for ever.
      if (isPassing(error) && this.#admin === asked) await this.close()
      throw error
    }
  }

  async close(): Promise<void> {
    const admin = this.#admin
    this.#admin = undefined
    await admin?.then((old) => old.disconnect()).catch(() => {})
  }

  #connected(): Promise<Admin> {
    this.#admin ??= (async () => {
      const admin = this.#create()
      await admin.connect()
      return admin
    })()
    return this.#admin
  }
}
