import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import type { AddressInfo, Server } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import logger from 'maildev/lib/logger.js'
import mailserver from 'maildev/lib/mailserver.js'
import web from 'maildev/lib/web.js'
import { patchMailDev } from './patch-maildev.js'

export interface InboxOptions {
  /** `host:port` for SMTP; port 0 for any. */
  smtp: string
  /** `host:port` for the web inbox and its API; port 0 for any. */
  web: string
}

export interface Inbox {
  /** `smtp://127.0.0.1:1025` */
  readonly smtpUrl: string
  /** `http://127.0.0.1:8025` */
  readonly webUrl: string
  /** Stops listening and deletes every mail. Idempotent. */
  close(): Promise<void>
}

/** An address that cannot be listened on; the message has the address, the reason and what to do. */
class InboxAddressError extends Error {
  override readonly name = 'InboxAddressError'
  readonly code = 'HERALD_INBOX_ADDRESS'
}

/**
 * Runs MailDev. One per process: the library keeps its mail in module state.
 * Rejects with InboxAddressError if an address is in use or does not belong to this machine.
 */
export async function openInbox(options: InboxOptions): Promise<Inbox> {
  logger.setLevel(0)
  const directory = await mkdtemp(join(tmpdir(), 'herald-inbox-'))
  const smtpAt = splitAddress(options.smtp)
  const webAt = splitAddress(options.web)
  const smtpPort = await listenSmtp(smtpAt, directory).catch(async (error) => {
    await rm(directory, { recursive: true, force: true })
    throw describe(error, 'HERALD_INBOX_SMTP', options.smtp)
  })
  let closed: Promise<void> | undefined
  const closeSmtp = async () => {
    await new Promise<void>((resolve) => mailserver.smtp.close(resolve))
    await rm(directory, { recursive: true, force: true })
  }
  const webPort = await listenWeb(webAt).catch(async (error) => {
    await closeSmtp()
    throw describe(error, 'HERALD_INBOX_WEB', options.web)
  })
  return {
    smtpUrl: `smtp://${smtpAt.host}:${smtpPort}`,
    webUrl: `http://${webAt.host}:${webPort}`,
    close() {
      closed ??= (async () => {
        await new Promise<void>((resolve) => web.close(resolve))
        await closeSmtp()
      })()
      return closed
    },
  }
}

async function listenSmtp(at: Address, directory: string): Promise<number> {
  mailserver.create(at.port, plainHost(at), directory)
  patchMailDev(directory)
  const { smtp } = mailserver
  // MailDev's own listener throws, which would end the process with a stack trace.
  smtp.removeAllListeners('error')
  const listening = new Promise<void>((resolve, reject) => {
    smtp.once('error', reject)
    smtp.listen(at.port, plainHost(at), resolve)
  })
  await listening
  // A client that closes its connection in the middle is not an error of the inbox.
  smtp.on('error', () => {})
  const port = portOf(smtp.server)
  mailserver.port = port
  return port
}

async function listenWeb(at: Address): Promise<number> {
  web.start(String(at.port), plainHost(at), mailserver, undefined, undefined, '/', { https: false })
  await once(web.server, 'listening')
  return portOf(web.server)
}

interface Address {
  readonly host: string
  readonly port: number
}

function splitAddress(text: string): Address {
  const at = text.lastIndexOf(':')
  return { host: text.slice(0, at), port: Number(text.slice(at + 1)) }
}

const plainHost = ({ host }: Address) => host.replace(/^\[|\]$/g, '')

const portOf = (server: Server) => (server.address() as AddressInfo).port

function describe(error: unknown, variable: string, address: string): unknown {
  switch ((error as NodeJS.ErrnoException).code) {
    case 'EADDRINUSE':
      return new InboxAddressError(
        `${address} is in use by another program. Stop that program or set ${variable} to another host:port.`,
        { cause: error },
      )
    case 'EADDRNOTAVAIL':
    case 'ENOTFOUND':
    case 'EACCES':
      return new InboxAddressError(
        `Cannot listen on ${address}. Set ${variable} to a host:port of this machine.`,
        { cause: error },
      )
    default:
      return error
  }
}
