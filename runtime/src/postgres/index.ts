export * from './lease-watch.js'
export * from './migrate.js'
export * from './open-postgres.js'
export * from './postgres-url.js'
