import { BrokerError } from '@herald/broker'

/** Whether the broker works, and does not take this message. */
export function rejectedByBroker(error: unknown): boolean {
  if (!(error instanceof BrokerError)) return false
  return error.code === 'BROKER_MESSAGE_TOO_LARGE' || error.code === 'BROKER_INVALID_MESSAGE'
}
