import { register } from 'node:module'

// Runs before the program, in its process: see `without` in guards.ts.
register(new URL('./turn-off-hooks.js', import.meta.url), {
  data: { guard: new URL(import.meta.url).searchParams.get('guard') },
})
