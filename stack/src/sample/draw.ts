import { writeFileSync } from 'node:fs'
import { drawHeraldAtDusk } from './herald-at-dusk.js'

const [target] = process.argv.slice(2)
if (target === undefined) {
  console.error('Usage: draw.js <file.svg>')
  process.exit(2)
}
writeFileSync(target, drawHeraldAtDusk())
