#!/usr/bin/env node
// npm links this file before the build has made what it runs.
await import('../dist/src/webhook/main.js').catch((error) => {
  if (error.code !== 'ERR_MODULE_NOT_FOUND' || !String(error.message).includes('main.js'))
    throw error
  process.stderr.write('herald-webhook: not built yet. Run: npm run build\n')
  process.exit(1)
})
