/** Why a message is not an event that Herald can act on. None of it heals by waiting. */
export type EventErrorCode =
  /** No CloudEvents 1.0 envelope, or one with an attribute missing or malformed. */
  | 'EVENT_NOT_CLOUDEVENT'
  /** A sound envelope of a type that this version does not know. */
  | 'EVENT_UNKNOWN_TYPE'
  /** The data is not what the type says, or says nothing. */
  | 'EVENT_UNDECODABLE'
  /** Headers beyond what an envelope can need. */
  | 'EVENT_TOO_LARGE'

/** `message` says what was wrong with the event and may be shown to a person. */
export class EventError extends Error {
  override readonly name = 'EventError'
  readonly code: EventErrorCode

  constructor(code: EventErrorCode, message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
  }
}
