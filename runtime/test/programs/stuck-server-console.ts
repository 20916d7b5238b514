import { runServerConsole } from '../server-console.js'

// Keeps the program running, as a server does.
setInterval(() => {}, 60_000)

await runServerConsole(
  { name: 'Stuck', command: 'stuck', defaultPort: 1234, folder: 'stuck' },
  async ({ port, data }) => ({
    lines: [`ready on ${port}, data in ${data}`],
    stop: () => new Promise(() => {}),
  }),
)
