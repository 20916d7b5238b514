import { join } from 'node:path'

export interface NodePorts {
  readonly client: number
  readonly controller: number
}

/** The users of a broker, their rights, and TLS. */
export interface KafkaSecurity {
  /** Name to password, for SASL/PLAIN on the clients' listener. */
  readonly users: Readonly<Record<string, string>>
  /** If set, all other users may do only what an ACL allows. */
  readonly superUsers?: readonly string[]
  /** Name to password, for SASL/SCRAM-SHA-512 on the same listener; stored when the storage is formatted. */
  readonly scramUsers?: Readonly<Record<string, string>>
  /** The clients' listener uses TLS: certificates and the PKCS #8 key as PEM. Brokers trust `authority`. */
  readonly tls?: {
    readonly certificateChain: string
    readonly key: string
    readonly authority: string
  }
}

export interface ClusterShape {
  readonly dataDirectory: string
  /** The address of the clients' listener. */
  readonly host: string
  readonly ports: readonly NodePorts[]
  readonly security?: KafkaSecurity | undefined
  /** Broker settings; they override the defaults here. */
  readonly settings?: Readonly<Record<string, string>> | undefined
}

/** The folder of node `index` (0 is the first; Kafka counts from 1). */
export const nodeDirectory = (dataDirectory: string, index: number) =>
  join(dataDirectory, `node-${index + 1}`)

/**
 * The server.properties of one node that is broker and controller at once; controllers are on loopback.
 * Brokers use the clients' listener, CLIENT, among themselves too.
 */
export function serverProperties(shape: ClusterShape, index: number): string {
  const { host, ports, security } = shape
  const own = ports[index] as NodePorts
  const brokers = String(ports.length)
  const properties: Record<string, string> = {
    'process.roles': 'broker,controller',
    'node.id': String(index + 1),
    'controller.quorum.voters': ports
      .map(({ controller }, each) => `${each + 1}@127.0.0.1:${controller}`)
      .join(','),
    listeners: `CLIENT://${host}:${own.client},CONTROLLER://127.0.0.1:${own.controller}`,
    'advertised.listeners': `CLIENT://${host}:${own.client}`,
    'controller.listener.names': 'CONTROLLER',
    'inter.broker.listener.name': 'CLIENT',
    'listener.security.protocol.map': `CONTROLLER:PLAINTEXT,CLIENT:${protocol(security)}`,
    'log.dirs': nodeDirectory(shape.dataDirectory, index),
    'auto.create.topics.enable': 'false',
    'offsets.topic.replication.factor': brokers,
    'transaction.state.log.replication.factor': brokers,
    'share.coordinator.state.topic.replication.factor': brokers,
    'transaction.state.log.min.isr': ports.length > 1 ? '2' : '1',
    'share.coordinator.state.topic.min.isr': ports.length > 1 ? '2' : '1',
    'min.insync.replicas': ports.length > 1 ? '2' : '1',
    // Small files and a fast start, for one machine and few events.
    'offsets.topic.num.partitions': '4',
    'transaction.state.log.num.partitions': '4',
    'log.index.size.max.bytes': '1048576',
    'log.cleaner.dedupe.buffer.size': '16777216',
    'group.initial.rebalance.delay.ms': '0',
    'group.min.session.timeout.ms': '1000',
    // A killed broker may register again after its last session has expired.
    'broker.session.timeout.ms': '3000',
    'broker.heartbeat.interval.ms': '500',
    ...(security && securityProperties(security)),
    ...shape.settings,
  }
  return Object.entries(properties)
    .map(([name, value]) => `${name}=${escaped(value)}\n`)
    .join('')
}

/** For a Java properties file. */
const escaped = (value: string) => value.replaceAll('\\', '\\\\').replaceAll('\n', '\\n')

function protocol(security: KafkaSecurity | undefined): string {
  if (security === undefined) return 'PLAINTEXT'
  return security.tls ? 'SASL_SSL' : 'SASL_PLAINTEXT'
}

function securityProperties({
  users,
  superUsers,
  scramUsers,
  tls,
}: KafkaSecurity): Record<string, string> {
  const [[name, password] = ['', '']] = Object.entries(users)
  const known = Object.entries(users).map(([user, secret]) => `user_${user}="${secret}"`)
  const module = 'org.apache.kafka.common.security.plain.PlainLoginModule required'
  return {
    'sasl.enabled.mechanisms': scramUsers ? 'PLAIN,SCRAM-SHA-512' : 'PLAIN',
    'sasl.mechanism.inter.broker.protocol': 'PLAIN',
    // The broker itself logs in as the first user.
    'listener.name.client.plain.sasl.jaas.config': `${module} username="${name}" password="${password}" ${known.join(' ')};`,
    ...(scramUsers && {
      'listener.name.client.scram-sha-512.sasl.jaas.config':
        'org.apache.kafka.common.security.scram.ScramLoginModule required;',
    }),
    ...(tls && {
      'listener.name.client.ssl.keystore.type': 'PEM',
      'listener.name.client.ssl.keystore.certificate.chain': tls.certificateChain,
      'listener.name.client.ssl.keystore.key': tls.key,
      'listener.name.client.ssl.truststore.type': 'PEM',
      'listener.name.client.ssl.truststore.certificates': tls.authority,
    }),
    ...(superUsers && {
      'authorizer.class.name': 'org.apache.kafka.metadata.authorizer.StandardAuthorizer',
      // Controllers connect to each other on a listener without authentication.
      'super.users': ['ANONYMOUS', ...superUsers].map((user) => `User:${user}`).join(';'),
    }),
  }
}
