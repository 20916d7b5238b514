import { createHash } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { extname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { RequestHandler } from 'express'

const folders = ['../../../web', './shared'].map((path) =>
  fileURLToPath(new URL(path, import.meta.url)),
)

const mediaTypes: Readonly<Record<string, string>> = {
  '.css': 'text/css; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.svg': 'image/svg+xml; charset=utf-8',
}

/** The page's own files. Their addresses contain a hash of all, so browsers may cache them. */
export function readAssets() {
  const files = new Map(
    folders.flatMap((folder) =>
      readdirSync(folder)
        .filter((name) => mediaTypes[extname(name)] !== undefined)
        .map((name) => [name, readFileSync(join(folder, name))] as const),
    ),
  )
  const hash = createHash('sha256')
  for (const [name, content] of files) hash.update(name).update(content)
  // One hash for all files, because modules import each other by name.
  const version = hash.digest('base64url').slice(0, 12)

  const serve: RequestHandler = (request, response, next) => {
    const content = files.get(String(request.params['name']))
    if (content === undefined || request.params['version'] !== version) return next()
    response.set('Content-Type', mediaTypes[extname(String(request.params['name']))] ?? '')
    response.set('Cache-Control', 'public, max-age=31536000, immutable')
    response.send(content)
  }
  return { serve, asset: (name: string) => `/assets/${version}/${name}` }
}
