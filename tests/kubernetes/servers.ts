import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { connect, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startKafka } from '@herald/kafka'
import { type InboxClient, openInboxClient } from '@herald/mailhog/inbox-client'
import { findOrBuildMailHog } from '@herald/mailhog/mailhog-binary'
import { findPostgres, startPostgres } from '@herald/postgres'
import { startS3Server } from '@herald/runtime/test/s3-server'

/** The node's address, at which pods reach the servers outside the cluster: tests/kubernetes/addons.yaml names it. */
const host = '10.200.0.1'

/** Kafka, MailHog, PostgreSQL and an S3 server, at the ports that the network policies allow. */
export interface Servers {
  readonly inbox: InboxClient
  /** Literals of the secrets that docs/kubernetes.md names. */
  readonly secrets: Readonly<Record<'herald-notifier' | 'herald-web', Record<string, string>>>
  close(): Promise<void>
}

export async function startServers(): Promise<Servers> {
  const folder = await mkdtemp(join(tmpdir(), 'herald-pods-'))
  const kafka = await startKafka({ dataDirectory: join(folder, 'kafka'), port: 9092, host })
  const mailhog = await findOrBuildMailHog()
  const postgres = await findPostgres()
  if ('missing' in mailhog) throw new Error(mailhog.missing)
  if ('missing' in postgres) throw new Error(postgres.missing)
  const web = ['-api-bind-addr', `${host}:8025`, '-ui-bind-addr', `${host}:8025`]
  const mails = spawn(mailhog.path, ['-smtp-bind-addr', `${host}:25`, ...web], { stdio: 'ignore' })
  const { installation } = postgres
  const password = 'password'
  const database = await startPostgres({ installation, password })
  const s3 = await startS3Server()
  await s3.bucket('herald')
  const forwards = [forward(5432, database.port), forward(443, Number(new URL(s3.endpoint).port))]
  await Promise.all(forwards.map((server) => once(server, 'listening')))
  const broker = { HERALD_BROKER: 'kafka://kafka.example.com:9092' }
  const url = `postgres://herald:${password}@db.example.com/herald`
  return {
    inbox: await openInboxClient(`http://${host}:8025`),
    secrets: {
      'herald-notifier': {
        ...broker,
        HERALD_SMTP: 'smtp://mail.example.com:25',
        HERALD_LEDGER: url,
      },
      'herald-web': { ...broker, HERALD_WEB_RECORDS: url, ...s3.credentials },
    },
    async close() {
      for (const server of forwards) server.close()
      mails.kill('SIGKILL')
      await Promise.all([kafka.destroy(), database.destroy(), s3.close()])
      await rm(folder, { recursive: true, force: true })
    },
  }
}

/** A listener on the node's address for a server on loopback. */
function forward(port: number, to: number) {
  return createServer((pod) => {
    const server = connect(to, '127.0.0.1')
    pod.pipe(server).pipe(pod)
    pod.on('error', () => server.destroy())
    server.on('error', () => pod.destroy())
  }).listen(port, host)
}
