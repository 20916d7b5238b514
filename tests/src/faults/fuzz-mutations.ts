import { createHash } from 'node:crypto'
import { type Random, whole } from './seeded.js'

export interface Original {
  readonly name: string
  readonly bytes: Buffer
}

/** A file damaged like by a disk, a cut connection or an attacker. */
export interface Mutant {
  /** The file and its mutation, to reproduce it: `o2.jpg: 12 bits flipped from 4711 on`. */
  readonly name: string
  readonly bytes: Buffer
}

type Mutate = (random: Random, original: Original, other: Original) => Mutant

const headBytes = 512

const kinds: readonly Mutate[] = [
  function flipBits(random, { name, bytes }) {
    const changed = Buffer.from(bytes)
    const flips = 1 + whole(random, 32)
    // Half of them in the header: elsewhere most flips only change pixels.
    const within = random() < 0.5 ? Math.min(headBytes, changed.length) : changed.length
    for (let flip = 0; flip < flips; flip++) {
      const at = whole(random, within)
      changed.writeUInt8(changed.readUInt8(at) ^ (1 << whole(random, 8)), at)
    }
    return { name: `${name}: ${flips} bits flipped in ${within} bytes`, bytes: changed }
  },
  function cutOff(random, { name, bytes }) {
    const length = 1 + whole(random, bytes.length - 1)
    return { name: `${name}: cut off after ${length} bytes`, bytes: bytes.subarray(0, length) }
  },
  function splice(random, { name, bytes }, other) {
    const from = whole(random, bytes.length)
    const rest = other.bytes.subarray(whole(random, other.bytes.length))
    const part = rest.subarray(0, 1 + whole(random, 4096))
    return {
      name: `${name}: ${part.length} bytes of ${other.name} from ${from} on`,
      bytes: Buffer.concat([bytes.subarray(0, from), part, bytes.subarray(from + part.length)]),
    }
  },
  function swapHead(random, { name, bytes }, other) {
    const length = 1 + whole(random, Math.min(headBytes, bytes.length, other.bytes.length))
    return {
      name: `${name}: its first ${length} bytes those of ${other.name}`,
      bytes: Buffer.concat([other.bytes.subarray(0, length), bytes.subarray(length)]),
    }
  },
]

/** `count` mutants of the originals; the same seed and originals give the same. */
export function* mutants(
  random: Random,
  originals: readonly Original[],
  count: number,
): Generator<Mutant> {
  for (let made = 0; made < count; made++) {
    const pick = () => originals[whole(random, originals.length)] as Original
    const mutate = kinds[made % kinds.length] as Mutate
    yield mutate(random, pick(), pick())
  }
}

/** Identifies a list of mutants. */
export function digestOf(list: Iterable<Mutant>): string {
  const hash = createHash('sha256')
  for (const { name, bytes } of list) hash.update(name).update(bytes)
  return hash.digest('hex')
}
