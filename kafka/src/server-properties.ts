import { join } from 'node:path'

export interface NodePorts {
  readonly client: number
  readonly controller: number
}

/** Who may log in, and what else a broker has to know about them. */
export interface KafkaSecurity {
  /** Name to password, for SASL/PLAIN on the clients' listener. */
  readonly users: Readonly<Record<string, string>>
  /** With these set, everybody else may do only what an ACL allows. */
  readonly superUsers?: readonly string[]
}

export interface ClusterShape {
  readonly dataDirectory: string
  readonly ports: readonly NodePorts[]
  readonly security?: KafkaSecurity | undefined
  /** Broker settings that go before ours. */
  readonly settings?: Readonly<Record<string, string>> | undefined
}

/** The folder of node `index` (0 is the first; Kafka counts from 1). */
export const nodeDirectory = (dataDirectory: string, index: number) =>
  join(dataDirectory, `node-${index + 1}`)

/**
 * The server.properties of one node that is broker and controller at once, all on loopback.
 * Clients' listener CLIENT; brokers among themselves use it too unless it asks for a password.
 */
export function serverProperties(shape: ClusterShape, index: number): string {
  const { ports, security } = shape
  const own = ports[index] as NodePorts
  const brokers = String(ports.length)
  const properties: Record<string, string> = {
    'process.roles': 'broker,controller',
    'node.id': String(index + 1),
    'controller.quorum.voters': ports
      .map(({ controller }, each) => `${each + 1}@127.0.0.1:${controller}`)
      .join(','),
    listeners: `CLIENT://127.0.0.1:${own.client},CONTROLLER://127.0.0.1:${own.controller}`,
    'advertised.listeners': `CLIENT://127.0.0.1:${own.client}`,
    'controller.listener.names': 'CONTROLLER',
    'inter.broker.listener.name': 'CLIENT',
    'listener.security.protocol.map': `CONTROLLER:PLAINTEXT,CLIENT:${security ? 'SASL_PLAINTEXT' : 'PLAINTEXT'}`,
    'log.dirs': nodeDirectory(shape.dataDirectory, index),
    'auto.create.topics.enable': 'false',
    'offsets.topic.replication.factor': brokers,
    'transaction.state.log.replication.factor': brokers,
    'share.coordinator.state.topic.replication.factor': brokers,
    'transaction.state.log.min.isr': ports.length > 1 ? '2' : '1',
    'share.coordinator.state.topic.min.isr': ports.length > 1 ? '2' : '1',
    'min.insync.replicas': ports.length > 1 ? '2' : '1',
    // One machine, few events: small files, quick starts.
    'offsets.topic.num.partitions': '4',
    'transaction.state.log.num.partitions': '4',
    'log.index.size.max.bytes': '1048576',
    'log.cleaner.dedupe.buffer.size': '16777216',
    'group.initial.rebalance.delay.ms': '0',
    'group.min.session.timeout.ms': '1000',
    // A broker that was killed may register again as soon as its last session is over.
    'broker.session.timeout.ms': '3000',
    'broker.heartbeat.interval.ms': '500',
    ...(security && securityProperties(security)),
    ...shape.settings,
  }
  return Object.entries(properties)
    .map(([name, value]) => `${name}=${value.replaceAll('\\', '\\\\')}\n`)
    .join('')
}

function securityProperties({ users, superUsers }: KafkaSecurity): Record<string, string> {
  const [[name, password] = ['', '']] = Object.entries(users)
  const known = Object.entries(users).map(([user, secret]) => `user_${user}="${secret}"`)
  const module = 'org.apache.kafka.common.security.plain.PlainLoginModule required'
  return {
    'sasl.enabled.mechanisms': 'PLAIN',
    'sasl.mechanism.inter.broker.protocol': 'PLAIN',
    // The first user is also the one that the broker itself logs in as.
    'listener.name.client.plain.sasl.jaas.config': `${module} username="${name}" password="${password}" ${known.join(' ')};`,
    ...(superUsers && {
      'authorizer.class.name': 'org.apache.kafka.metadata.authorizer.StandardAuthorizer',
      // Controllers know each other by their loopback listener, which knows no names.
      'super.users': ['ANONYMOUS', ...superUsers].map((user) => `User:${user}`).join(';'),
    }),
  }
}
