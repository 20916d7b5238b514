#!/usr/bin/env node
// npm links this file before the build has made what it runs.
const main = await import('../dist/src/cli.js').catch((error) => {
  if (error.code !== 'ERR_MODULE_NOT_FOUND' || !String(error.message).includes('cli.js'))
    throw error
  process.stderr.write('herald: not built yet. Run: npm run build\n')
  process.exit(1)
})
await main.run()
