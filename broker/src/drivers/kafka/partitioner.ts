/** Chooses a message's partition: by its key as Kafka's Java client does, in turn if it has none. */
export class Partitioner {
  #turn = Math.floor(Math.random() * 2 ** 16)

  partitionFor(key: string | Uint8Array | null, partitions: number): number {
    if (key !== null) return (murmur2(Buffer.from(key)) & 0x7fffffff) % partitions
    this.#turn += 1
    return this.#turn % partitions
  }
}

/** MurmurHash2, 32 bits, with the seed that Kafka uses. https://github.com/aappleby/smhasher */
export function murmur2(data: Uint8Array): number {
  const m = 0x5bd1e995
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength)
  const whole = data.byteLength & ~3
  let hash = 0x9747b28c ^ data.byteLength
  for (let at = 0; at < whole; at += 4) {
    let word = Math.imul(view.getInt32(at, true), m)
    word = Math.imul(word ^ (word >>> 24), m)
    hash = Math.imul(hash, m) ^ word
  }
  const remainder = data.byteLength - whole
  if (remainder > 0) {
    for (let at = remainder - 1; at >= 0; at -= 1) hash ^= view.getUint8(whole + at) << (8 * at)
    hash = Math.imul(hash, m)
  }
  hash = Math.imul(hash ^ (hash >>> 13), m)
  return hash ^ (hash >>> 15)
}
