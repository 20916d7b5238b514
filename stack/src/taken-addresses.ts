import { once } from 'node:events'
import { createServer } from 'node:net'
import { portHolder } from '@herald/runtime/port-holder'
import type { PlannedProgram } from './programs.js'

/**
 * Error lines for each address that is in use: which program needs it, which process holds it and
 * what to do. Empty if all are free.
 */
export async function describeTakenAddresses(
  programs: readonly PlannedProgram[],
): Promise<string[]> {
  const taken = await Promise.all(
    programs.flatMap(({ name, listens }) =>
      listens.map(async ({ variable, address }) => {
        if (await isFree(address)) return []
        const port = Number(address.slice(address.lastIndexOf(':') + 1))
        const holder = await portHolder(port).catch(() => undefined)
        const holderText = holder
          ? `by process ${holder.pid}: ${holder.command}`
          : 'by another program'
        return [
          `${address}, which the ${name} needs, is in use ${holderText}`,
          `  Stop that program${holder ? ` (kill ${holder.pid})` : ''}, or give the ${name} another address, such as ${variable}=${nextPort(address, port)}`,
        ]
      }),
    ),
  )
  return taken.flat()
}

const nextPort = (address: string, port: number) =>
  `${address.slice(0, address.lastIndexOf(':'))}:${port < 55_000 ? port + 10_000 : port - 10_000}`

/** Reports only ports in use; the program itself reports any other error. */
async function isFree(address: string): Promise<boolean> {
  const at = address.lastIndexOf(':')
  const server = createServer()
  try {
    server.listen(Number(address.slice(at + 1)), address.slice(0, at).replace(/^\[|\]$/g, ''))
    await once(server, 'listening')
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== 'EADDRINUSE'
  } finally {
    server.close()
  }
}
