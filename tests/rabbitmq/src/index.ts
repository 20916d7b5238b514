export * from './find-rabbitmq.js'
export * from './start-cluster.js'
export * from './start-rabbitmq.js'
