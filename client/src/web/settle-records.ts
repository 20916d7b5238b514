import { HeraldError } from '@herald/proto/errors'
import { type FailureTools, failConversion } from './fail-conversion.js'
import { logOutages } from './log-outages.js'
import { type ConversionRecord, isOver } from './record.js'
import { maxTakenAtOnce } from './records.js'

export interface RecordSettler {
  close(): Promise<void>
}

export interface SettlerTools extends FailureTools {
  /** Whether this process converts it. */
  isRunning(token: string): boolean
}

const pauseMs = 2_000

/**
 * Settles what other processes have left, now and regularly: those of this installation that were
 * killed, or whose machine is gone. A conversion that had not ended has failed: its upload is gone as
 * well. An announcement that is not published is made by this process.
 */
export async function settleRecords(tools: SettlerTools): Promise<RecordSettler> {
  await settleOnce(tools)
  const logged = logOutages(tools.logger, {
    failed: 'could not settle conversions of other processes; will retry',
    again: 'conversions of other processes are settled again',
  })
  let settling: Promise<void> | undefined
  const timer = setInterval(() => {
    settling ??= logged(() => settleOnce(tools)).finally(() => {
      settling = undefined
    })
  }, pauseMs)
  return {
    async close() {
      clearInterval(timer)
      await settling
    },
  }
}

async function settleOnce(tools: SettlerTools): Promise<void> {
  for (;;) {
    const taken = await tools.records.takeOver(tools.isRunning)
    // Concurrently, so that their writes share syncs.
    await Promise.all(taken.map((record) => settle(tools, record)))
    if (taken.length < maxTakenAtOnce) return
  }
}

async function settle(tools: SettlerTools, record: ConversionRecord): Promise<void> {
  if (isOver(record)) return tools.announcer.announce(record)
  await failConversion(tools, record, stoppedMeanwhile())
  const { conversionId: conversion } = record
  tools.logger.info({ conversion }, 'ended a conversion that no process works on')
}

const stoppedMeanwhile = () =>
  new HeraldError('HERALD_SHUTTING_DOWN', 'The service was stopped while the file was converted.', {
    remedy: 'Send the file again.',
  })
