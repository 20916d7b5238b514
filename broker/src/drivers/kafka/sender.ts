import kafkajs, { type Message as KafkaMessage, type Producer as KafkaProducer } from 'kafkajs'

/** The connection on which messages go out, made when first needed and renewed when it is dead. */
export class Sender {
  readonly #create: () => KafkaProducer
  readonly #ackTimeoutMs: number
  #producer: Promise<KafkaProducer> | undefined

  constructor(create: () => KafkaProducer, ackTimeoutMs: number) {
    this.#create = create
    this.#ackTimeoutMs = ackTimeoutMs
  }

  /** Resolves to the offset of the first; the others follow it. Rejects with kafkajs' error. */
  async send(topic: string, partition: number, messages: KafkaMessage[]): Promise<bigint> {
    const producer = await this.#connected()
    const answers = await producer.send({
      topic,
      messages: messages.map((message) => ({ ...message, partition })),
      acks: -1,
      timeout: this.#ackTimeoutMs,
      compression: kafkajs.CompressionTypes.GZIP,
    })
    const offset = answers.find((answer) => answer.partition === partition)?.baseOffset
    // It sends nothing to a partition that it does not know of, and says nothing either.
    if (offset === undefined) throw new Unsent(`partition ${partition} of ${topic} is not there`)
    return BigInt(offset)
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
