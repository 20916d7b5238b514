import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { findKafka } from '@herald/kafka'

const source = fileURLToPath(new URL('./ForeignProducer.java', import.meta.url))

/** Sends each key as key and value with Kafka's own Java client, compressed by turns. Resolves to where each went. */
export async function produceWithJava(
  bootstrap: string,
  topic: string,
  compressions: readonly string[],
  keys: readonly string[],
): Promise<Map<string, number>> {
  const found = await findKafka()
  if ('missing' in found) throw new Error(found.missing)
  const { java, classPath } = found.installation
  const child = spawn(java, ['-cp', classPath, source, bootstrap, topic, ...compressions], {
    stdio: ['pipe', 'pipe', 'pipe'],
  })
  child.stdin.end(keys.join('\n'))
  const [out, errors] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    once(child, 'close'),
  ])
  const placed = new Map<string, number>()
  for (const line of out.trim().split('\n')) {
    const [partition = '', key = ''] = line.split('\t')
    if (!/^\d+$/.test(partition)) throw new Error(`${line}\n${errors}`)
    placed.set(key, Number(partition))
  }
  return placed
}
