import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { isProcessRunning, type ProcessIdentity, thisProcess } from '@herald/runtime'
import { createFolderSync } from '@herald/runtime/create-folder'
import type { Stack, StackAddresses } from './stack.js'

/** The record of a running `npm start` in its data folder. */
export interface RunningStack {
  readonly process: ProcessIdentity
  readonly addresses: StackAddresses
  readonly programs: Stack['programs']
}

const fileIn = (data: string) => join(data, 'stack.json')

/** Records that this process runs the stack. Returns a function that removes the record. */
export function recordRunningStack({
  addresses,
  programs,
}: Pick<Stack, 'addresses' | 'programs'>): () => void {
  const file = fileIn(addresses.data)
  createFolderSync(addresses.data)
  const record: RunningStack = { process: thisProcess, addresses, programs }
  // Renamed, so that readers never see half a file. Private, since a broker's URL may hold a password.
  writeFileSync(`${file}.${process.pid}`, `${JSON.stringify(record, null, 2)}\n`, { mode: 0o600 })
  renameSync(`${file}.${process.pid}`, file)
  return () => rmSync(file, { force: true })
}

/** The stack that runs with that data folder; undefined if there is none or its process has ended. */
export function findRunningStack(data: string): RunningStack | undefined {
  try {
    const record = JSON.parse(readFileSync(fileIn(data), 'utf8')) as RunningStack
    return isProcessRunning(record.process) ? record : undefined
  } catch {
    return undefined
  }
}
