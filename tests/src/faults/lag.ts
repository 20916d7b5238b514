import { setTimeout as pause } from 'node:timers/promises'
import type { Fleet } from './fleet.js'

/** Resolves to true when no notifier has lag; to false after `timeoutMs`. */
export async function untilNoLag(fleet: Fleet, notifiers: number, timeoutMs: number) {
  const indexes = Array.from({ length: notifiers }, (_, index) => index)
  for (const end = Date.now() + timeoutMs; Date.now() < end; ) {
    const metrics = await Promise.all(indexes.map((index) => metricsOf(fleet.probes(index))))
    if (sum(metrics, 'herald_notifier_lag_events') === 0) return true
    await pause(200)
  }
  return false
}

/** The redelivered events that were already handled, over all notifiers. */
export async function redeliveries(fleet: Fleet, notifiers: number): Promise<number> {
  const indexes = Array.from({ length: notifiers }, (_, index) => index)
  const metrics = await Promise.all(indexes.map((index) => metricsOf(fleet.probes(index))))
  return sum(metrics, 'herald_notifier_redeliveries_total')
}

const metricsOf = async (probes: string) => (await fetch(`${probes}/metrics`)).text()

function sum(metrics: readonly string[], name: string): number {
  return metrics
    .map((text) => Number(new RegExp(`^${name}(?:\\{.*\\})? (\\S+)$`, 'm').exec(text)?.[1]))
    .reduce((total, value) => total + value, 0)
}
