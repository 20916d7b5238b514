import type { Terminal } from '@herald/runtime/terminal'
import { humanDuration } from '@herald/runtime/terminal-text'
import { cases } from './cases.js'
import { openScene, type SceneOptions } from './scene.js'

export interface RunCasesOptions extends SceneOptions {
  readonly paint: Terminal['paint']
  say(line: string): void
}

/** Runs every case, one after the other, a line each. Resolves to how many failed. */
export async function runCases(options: RunCasesOptions): Promise<number> {
  const { paint, say, signal } = options
  const width = Math.max(...Object.keys(cases).map((name) => name.length))
  let passed = 0
  let failed = 0
  for (const [name, run] of Object.entries(cases)) {
    if (signal.aborted) break
    const begun = performance.now()
    const { scene, close } = await openScene(options)
    try {
      await run(scene)
      passed++
      const took = humanDuration(performance.now() - begun).padStart(7)
      say(`  ${paint('green', 'passed')}  ${name.padEnd(width)}  ${paint('dim', took)}`)
    } catch (error) {
      failed++
      say(`  ${paint('red', 'FAILED')}  ${name}`)
      for (const line of (error as Error).message.split('\n')) say(`          ${line}`)
    } finally {
      await close()
    }
  }
  const end = `${passed} passed, ${failed} failed`
  say(`\n  ${failed === 0 ? paint('green', end) : paint('red', end)}`)
  return failed
}
