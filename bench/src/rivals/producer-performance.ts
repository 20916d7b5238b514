import { execFile } from 'node:child_process'
import { access } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { KafkaInstallation } from '@herald/kafka'
import { howToInstall, rivalsFolder } from './tools.js'

const run = promisify(execFile)

export interface PerformanceRun {
  readonly bootstrap: string
  readonly topic: string
  readonly records: number
  readonly recordBytes: number
}

/** Kafka's kafka-producer-perf-test. It needs one jar that a broker does not. */
export interface ProducerPerformance {
  /** Sends the records. Resolves to records per second, as the tool reports them. */
  measure(run: PerformanceRun): Promise<number>
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
    return { missing: `kafka-tools-${version}.jar is not installed: ${howToInstall}` }
  }
  return {
    async measure({ bootstrap, topic, records, recordBytes }) {
      const { stdout } = await run(java, [
        ...['-Xmx512m', '-cp', `${jar}:${classPath}`],
        'org.apache.kafka.tools.ProducerPerformance',
        ...['--bootstrap-server', bootstrap, '--topic', topic, '--command-property', 'acks=all'],
        // The first half is a warm-up, which the tool reports apart.
        ...['--num-records', String(records * 2), '--warmup-records', String(records)],
        ...['--record-size', String(recordBytes), '--throughput', '-1'],
      ])
      const rate = Number(/steady state records sent, ([\d.]+) records\/sec/.exec(stdout)?.[1])
      if (!(rate > 0)) throw new Error(`kafka-producer-perf-test printed:\n${stdout.slice(-2000)}`)
      return rate
    },
  }
}
