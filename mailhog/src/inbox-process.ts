import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { createServer } from 'node:net'
import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'
import { fileURLToPath } from 'node:url'
import { InboxError, openInboxClient } from './inbox-client.js'

/** An inbox in a process of its own, for tests. */
export interface InboxProcess {
  /** `smtp://127.0.0.1:40123` */
  readonly smtpUrl: string
  /** `http://127.0.0.1:40124` */
  readonly webUrl: string
  readonly pid: number
  /** Stops it and waits until it has exited. Idempotent. Resolves to its exit status, null after a signal. */
  stop(signal?: NodeJS.Signals): Promise<number | null>
}

/** Herald's inbox (MailDev), by default on free loopback ports. */
export async function startInbox(
  addresses: { smtp?: string; web?: string } = {},
): Promise<InboxProcess> {
  const main = fileURLToPath(new URL('./main.js', import.meta.url))
  const child = spawn(process.execPath, [main], {
    env: {
      ...process.env,
      HERALD_INBOX_SMTP: addresses.smtp ?? '127.0.0.1:0',
      HERALD_INBOX_WEB: addresses.web ?? '127.0.0.1:0',
      HERALD_LOG_LEVEL: 'info',
    },
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  const { smtp, web } = await readyLine(child)
  return { smtpUrl: smtp, webUrl: web, ...controls(child) }
}

/** The fields of the program's log line `ready`; keeps reading, so that the program never blocks on its log. */
function readyLine(child: ChildProcess): Promise<{ smtp: string; web: string }> {
  return new Promise((resolve, reject) => {
    const lines: string[] = []
    createInterface({ input: child.stderr as Readable }).on('line', (line) => {
      const entry = parse(line)
      if (entry?.msg === 'ready') resolve(entry)
      else lines.push(line)
    })
    child.once('error', reject)
    child.once('close', () =>
      reject(new InboxError(`The inbox did not start: ${lines.join('\n')}`)),
    )
  })
}

/**
 * Real MailHog, with its binary at `path` (see findOrBuildMailHog), on free loopback ports;
 * `more`: further flags, such as `-invite-jim`.
 */
export async function startMailHog(
  path: string,
  more: readonly string[] = [],
): Promise<InboxProcess> {
  // MailHog does not report the port it got, so the ports are chosen here.
  const [smtpPort, webPort] = await freePorts()
  const web = `127.0.0.1:${webPort}`
  const child = spawn(
    path,
    [
      '-smtp-bind-addr',
      `127.0.0.1:${smtpPort}`,
      '-api-bind-addr',
      web,
      '-ui-bind-addr',
      web,
      ...more,
    ],
    { stdio: 'ignore' },
  )
  const control = controls(child)
  for (const giveUpAt = Date.now() + 10_000; ; ) {
    const client = await openInboxClient(`http://${web}`).catch(() => undefined)
    if (client) break
    if (child.exitCode !== null || Date.now() > giveUpAt) {
      await control.stop('SIGKILL')
      throw new InboxError('MailHog did not start.')
    }
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  return { smtpUrl: `smtp://127.0.0.1:${smtpPort}`, webUrl: `http://${web}`, ...control }
}

function controls(child: ChildProcess): Pick<InboxProcess, 'pid' | 'stop'> {
  const exited = child.exitCode === null ? once(child, 'exit') : Promise.resolve()
  return {
    pid: child.pid ?? -1,
    async stop(signal = 'SIGTERM') {
      if (child.exitCode === null && child.signalCode === null) child.kill(signal)
      await exited
      return child.exitCode
    },
  }
}

async function freePorts(): Promise<[number, number]> {
  const servers = [createServer(), createServer()] as const
  const ports = await Promise.all(
    servers.map(async (server) => {
      server.listen(0, '127.0.0.1')
      await once(server, 'listening')
      return (server.address() as AddressInfo).port
    }),
  )
  await Promise.all(servers.map((server) => once(server.close(), 'close')))
  return ports as [number, number]
}

function parse(line: string): { msg?: string; smtp: string; web: string } | undefined {
  try {
    return JSON.parse(line)
  } catch {
    return undefined
  }
}
