import { once } from 'node:events'
import { createServer } from 'node:net'
import { portHolder } from '@herald/runtime/port-holder'
import type { PlannedProgram } from './programs.js'

/**
 * What stands in the way of the programs' addresses: for each one that is taken, who wanted it,
 * who holds it and what to do. Empty where all are free.
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
        const who = holder ? `by process ${holder.pid}: ${holder.command}` : 'by another program'
        return [
          `${address}, which the ${name} needs, is taken ${who}`,
          `  Stop that one${holder ? ` (kill ${holder.pid})` : ''}, or give the ${name} another address, such as ${variable}=${nextPort(address, port)}`,
        ]
      }),
    ),
  )
  return taken.flat()
}

const nextPort = (address: string, port: number) =>
  `${address.slice(0, address.lastIndexOf(':'))}:${port < 55_000 ? port + 10_000 : port - 10_000}`

/** Only a port that is in use counts: any other fault is for the program itself to explain. */
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
