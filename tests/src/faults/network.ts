import { execFile } from 'node:child_process'
import { randomInt } from 'node:crypto'
import { promisify } from 'node:util'

/** What notifiers connect to; each has an address of its own, on one bridge. */
export const services = ['Kafka', 'PostgreSQL', 'mail'] as const
export type Service = (typeof services)[number]

type Addresses = Readonly<Record<Service, string>>

/** A network namespace with one address. */
export interface Machine {
  readonly address: string
  /** Runs its arguments there. */
  readonly launcher: readonly string[]
  /** Drops every packet to and from these. */
  cutOff(from: readonly Service[]): Promise<void>
  /** Lets all packets through again. */
  reconnect(): Promise<void>
}

export interface Network {
  readonly addresses: Addresses
  readonly machines: readonly Machine[]
  /** Removes all of it; processes in it are to have ended. */
  close(): Promise<void>
}

const run = promisify(execFile)
const ip = (...args: string[]) => run('ip', args)

/**
 * Machines on one bridge of this one. Resolves to a sentence that says why if it cannot be made:
 * it takes root, and the programs ip and iptables.
 */
export async function openNetwork(count: number): Promise<Network | { readonly missing: string }> {
  const number = randomInt(12_800)
  /** The name of an interface has at most 15 characters. */
  const bridge = `herald-${number}`
  const prefix = `10.${200 + Math.floor(number / 256)}.${number % 256}`
  const addresses = Object.fromEntries(
    services.map((service, at) => [service, `${prefix}.${at + 1}`]),
  ) as Addresses
  const namespaces = Array.from({ length: count }, (_, index) => `${bridge}-${index}`)

  async function close() {
    await Promise.allSettled(namespaces.map((namespace) => ip('netns', 'delete', namespace)))
    await ip('link', 'delete', bridge).catch(() => {})
  }

  async function openMachine(namespace: string, index: number): Promise<Machine> {
    const launcher = ['ip', 'netns', 'exec', namespace]
    const inside = (...args: string[]) => ip('netns', 'exec', namespace, ...args)
    const address = `${prefix}.${10 + index}`
    const peer = ['peer', 'name', 'eth0', 'netns', namespace]
    await ip('netns', 'add', namespace)
    await ip('link', 'add', namespace, 'type', 'veth', ...peer)
    await ip('link', 'set', namespace, 'master', bridge, 'up')
    await inside('ip', 'address', 'add', `${address}/24`, 'dev', 'eth0')
    await inside('ip', 'link', 'set', 'eth0', 'up')
    await inside('ip', 'link', 'set', 'lo', 'up')
    await inside('iptables', '-w', '-L', '-n')
    return {
      address,
      launcher,
      async cutOff(from) {
        for (const service of from) {
          await inside('iptables', '-w', '-A', 'INPUT', '-s', addresses[service], '-j', 'DROP')
          await inside('iptables', '-w', '-A', 'OUTPUT', '-d', addresses[service], '-j', 'DROP')
        }
      },
      async reconnect() {
        await inside('iptables', '-w', '-F')
      },
    }
  }

  try {
    await ip('link', 'add', bridge, 'type', 'bridge')
    for (const address of Object.values(addresses)) {
      await ip('address', 'add', `${address}/24`, 'dev', bridge)
    }
    await ip('link', 'set', bridge, 'up')
    const machines: Machine[] = []
    for (const [index, namespace] of namespaces.entries()) {
      machines.push(await openMachine(namespace, index))
    }
    return { addresses, machines, close }
  } catch (error) {
    await close()
    const reason = ((error as { stderr?: string }).stderr || (error as Error).message).trim()
    return { missing: `network namespaces take root, ip and iptables: ${reason}` }
  }
}
