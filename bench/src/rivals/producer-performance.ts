import { execFile } from 'node:child_process'
import { access } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { KafkaInstallation } from '@herald/kafka'
import { bringThem, rivalsFolder } from './tools.js'

const run = promisify(execFile)

export interface PerformanceRun {
  readonly bootstrap: string
  readonly topic: string
  readonly records: number
  readonly recordBytes: number
}

/** Kafka's own kafka-producer-perf-test: beside what a broker runs on it needs one jar more. */
export interface ProducerPerformance {
  /** Sends so many records; resolves to records a second, as the tool itself counts them. */
  measure(asked: PerformanceRun): Promise<number>
}

export async function findProducerPerformance({
  version,
  java,
  classPath,
}: KafkaInstallation): Promise<ProducerPerformance | { readonly missing: string }> {
  const jar = join(rivalsFolder, 'kafka-tools', `kafka-tools-${version}.jar`)
  try {
    await access(jar)
  } catch {
    return { missing: `no kafka-tools-${version}.jar here: ${bringThem}` }
  }
  return {
    async measure({ bootstrap, topic, records, recordBytes }) {
      const { stdout } = await run(java, [
        ...['-Xmx512m', '-cp', `${jar}:${classPath}`],
        'org.apache.kafka.tools.ProducerPerformance',
        ...['--bootstrap-server', bootstrap, '--topic', topic, '--command-property', 'acks=all'],
        // The first half warms the virtual machine up; the tool counts the other one apart.
        ...['--num-records', String(records * 2), '--warmup-records', String(records)],
        ...['--record-size', String(recordBytes), '--throughput', '-1'],
      ])
      const rate = Number(/steady state records sent, ([\d.]+) records\/sec/.exec(stdout)?.[1])
      if (!(rate > 0)) throw new Error(`kafka-producer-perf-test said:\n${stdout.slice(-2000)}`)
      return rate
    },
  }
}
