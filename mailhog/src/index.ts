export * from './inbox-client.js'
export * from './inbox-process.js'
export * from './mailhog-binary.js'
