/** Why a message is not an event that Herald can handle. All are final. */
export type EventErrorCode =
  /** No CloudEvents 1.0 envelope, or one with an attribute missing or malformed. */
  | 'EVENT_NOT_CLOUDEVENT'
  /** A valid envelope of a type that this version does not know. */
  | 'EVENT_UNKNOWN_TYPE'
  /** The data does not match the type, or is empty. */
  | 'EVENT_UNDECODABLE'
  /** The headers exceed 64 KiB. */
  | 'EVENT_TOO_LARGE'

/** `message` states what is wrong with the event and may be shown to a person. */
export class EventError extends Error {
  override readonly name = 'EventError'
  readonly code: EventErrorCode

  constructor(code: EventErrorCode, message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
  }
}
