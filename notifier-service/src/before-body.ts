/**
 * Awaited when the receiving side is ready for the body. Resolves to a check to be called right before
 * the body's first byte, without anything in between: if it returns false, nothing may be sent.
 */
export type BeforeBody = () => Promise<() => boolean>

/** The attempt was this process' when it began, and may be another's now: nothing was sent. */
export class NotHeld extends Error {
  override readonly name = 'NotHeld'

  constructor() {
    super('the notifier was stopped for too long before the body: nothing was sent')
  }
}
