import type { LaneEvent, LanesOptions } from '#src/lanes'

export function laneEvent(offset: number, key: string | null): LaneEvent {
  return {
    offset: BigInt(offset),
    delivery: {
      topic: 'lanes',
      position: String(offset),
      key,
      value: Uint8Array.of(1),
      headers: {},
      publishedAt: new Date(0),
    },
  }
}

export const laneEvents = (...keys: (string | null)[]) =>
  keys.map((key, offset) => laneEvent(offset, key))

/** A handler whose calls the test settles, by offset. */
export function manualHandler() {
  const open = new Map<string, { resolve: () => void; reject: (error: unknown) => void }>()
  const calls: string[] = []
  const signals = new Map<string, AbortSignal>()
  const handler: LanesOptions['handler'] = (delivery, { signal }) =>
    new Promise<void>((resolve, reject) => {
      calls.push(`${delivery.position}#${delivery.attempt}`)
      signals.set(delivery.position, signal)
      open.set(delivery.position, { resolve, reject })
    })
  const settled = () => new Promise<void>((resolve) => setImmediate(resolve))
  return {
    handler,
    calls,
    signals,
    acknowledge: (offset: number) => {
      open.get(String(offset))?.resolve()
      return settled()
    },
    reject: (offset: number, error: unknown = new Error('no')) => {
      open.get(String(offset))?.reject(error)
      return settled()
    },
  }
}
