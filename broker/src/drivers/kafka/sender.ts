import kafkajs, { type Message as KafkaMessage, type Producer as KafkaProducer } from 'kafkajs'
import { isPassing } from './errors.js'

/** What goes to one partition. */
interface Run {
  readonly partition: number
  readonly messages: KafkaMessage[]
  /** Gets the offset of the first; the others follow it. */
  readonly resolve: (offset: bigint) => void
  readonly reject: (error: unknown) => void
}

/** After a fault each partition is on its own for so long: what ails one is not the others' affair. */
const apartMs = 10_000

/** The connection on which messages go out, made when first needed and renewed when it is dead. */
export class Sender {
  readonly #create: () => KafkaProducer
  readonly #ackTimeoutMs: number
  readonly #gathered = new Map<string, Run[]>()
  #apartUntil = 0
  #producer: Promise<KafkaProducer> | undefined

  constructor(create: () => KafkaProducer, ackTimeoutMs: number) {
    this.#create = create
    this.#ackTimeoutMs = ackTimeoutMs
  }

  /**
   * Resolves to the offset of the first; the others follow it. Rejects with kafkajs' error. What
   * is sent to a topic in one turn of the event loop is one request, which costs more than its messages.
   */
  send(topic: string, partition: number, messages: KafkaMessage[]): Promise<bigint> {
    return new Promise((resolve, reject) => {
      const run = { partition, messages, resolve, reject }
      if (Date.now() < this.#apartUntil) {
        void this.#request(topic, [run])
        return
      }
      const gathered = this.#gathered.get(topic)
      if (gathered !== undefined) {
        gathered.push(run)
        return
      }
      const runs = [run]
      this.#gathered.set(topic, runs)
      setImmediate(() => {
        this.#gathered.delete(topic)
        void this.#request(topic, runs)
      })
    })
  }

  async #request(topic: string, runs: readonly Run[]): Promise<void> {
    try {
      const producer = await this.#connected()
      const answers = await producer.send({
        topic,
        messages: runs.flatMap(({ partition, messages }) =>
          messages.map((message) => ({ ...message, partition })),
        ),
        acks: -1,
        // Not compressed: the topic says gzip, and the broker does that once for all.
        timeout: this.#ackTimeoutMs,
      })
      for (const { partition, resolve, reject } of runs) {
        const offset = answers.find((answer) => answer.partition === partition)?.baseOffset
        // It sends nothing to a partition that it does not know of, and says nothing either.
        if (offset === undefined)
          reject(new Unsent(`partition ${partition} of ${topic} is not there`))
        else resolve(BigInt(offset))
      }
    } catch (error) {
      this.#apartUntil = Date.now() + apartMs
      // Kafka refuses one partition's messages, and kafkajs says it of them all: each asks for itself.
      if (runs.length > 1 && !isPassing(error))
        for (const run of runs) void this.#request(topic, [run])
      else for (const { reject } of runs) reject(error)
    }
  }

  /** kafkajs keeps a connection on which an answer never came, and would wait on it for ever. */
  renew(): void {
    const producer = this.#producer
    this.#producer = undefined
    void producer?.then((old) => old.disconnect()).catch(() => {})
  }

  async close(): Promise<void> {
    await this.#producer?.then((producer) => producer.disconnect()).catch(() => {})
  }

  #connected(): Promise<KafkaProducer> {
    this.#producer ??= (async () => {
      const producer = this.#create()
      await producer.connect()
      return producer
    })().catch((error: unknown) => {
      this.#producer = undefined
      throw error
    })
    return this.#producer
  }
}

class Unsent extends kafkajs.KafkaJSError {}
