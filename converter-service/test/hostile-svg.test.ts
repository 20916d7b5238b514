import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import sharp from 'sharp'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { imageEngine } from '#src/engines/image'
import { plainPlan } from './plain-plan.js'
import { useRecordingServer } from './recording-server.js'

let folder: string
const red = await sharp({ create: { width: 50, height: 50, channels: 3, background: '#ff0000' } })
  .png()
  .toBuffer()
const redSvg =
  '<svg xmlns="http://www.w3.org/2000/svg" width="50" height="50"><rect id="r" width="50" height="50" fill="#f00"/></svg>'
const server = useRecordingServer((path) =>
  path.endsWith('.png')
    ? { type: 'image/png', body: red }
    : { type: 'image/svg+xml', body: redSvg },
)

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'herald-svg-test-'))
  await mkdir(join(folder, 'work'))
  await writeFile(join(folder, 'secret.png'), red)
  await writeFile(join(folder, 'secret.svg'), redSvg)
  await writeFile(join(folder, 'secret.xml'), '<rect width="100" height="100" fill="#f00"/>')
  await writeFile(join(folder, 'secret.css'), 'rect { fill: #f00 }')
})
afterAll(() => rm(folder, { recursive: true }))

const names =
  'xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" xmlns:xi="http://www.w3.org/2001/XInclude"'
const drawing = (body: string, before = '') =>
  `${before}<svg ${names} width="100" height="100"><rect width="10" height="10" fill="#00f"/>${body}</svg>`
const image = (href: string) =>
  `<image xlink:href="${href}" href="${href}" width="100" height="100"/>`

/**
 * By the listener's address and the folder of the secrets, which is the one above the drawing's:
 * librsvg reads files beside a drawing; beside an upload there are none of other callers.
 */
const drawings: Readonly<Record<string, (url: string, folder: string) => string>> = {
  'a picture over the network': (at) => drawing(image(`${at}/a.png`) + image(`${at}/a.svg`)),
  'a picture by its path': (_at, files) =>
    drawing(image(`file://${files}/secret.png`) + image(`${files}/secret.png`)),
  'a picture of another folder': () =>
    drawing(image('../secret.png') + image('./../secret.svg') + image('work/../../secret.png')),
  'a part of another drawing': (at, files) =>
    drawing(
      ['../secret.svg#r', `file://${files}/secret.svg#r`, `${at}/a.svg#r`]
        .map((href) => `<use xlink:href="${href}" href="${href}"/>`)
        .join(''),
    ),
  'a style sheet': (at, files) =>
    drawing(
      `<style>@import url("${at}/a.css"); @import url("file://${files}/secret.css"); @import "../secret.css";</style>`,
      `<?xml version="1.0"?><?xml-stylesheet href="file://${files}/secret.css"?><?xml-stylesheet href="../secret.css"?>`,
    ),
  'an entity': (at, files) =>
    drawing(
      '&file;&net;',
      `<!DOCTYPE svg [<!ENTITY file SYSTEM "file://${files}/secret.xml"><!ENTITY net SYSTEM "${at}/a.xml">]>`,
    ),
  'a parameter entity': (at, files) =>
    drawing(
      '&r;',
      `<!DOCTYPE svg [<!ENTITY % x SYSTEM "file://${files}/secret.xml">%x;<!ENTITY % y SYSTEM "${at}/a.dtd">%y;<!ENTITY r "">]>`,
    ),
  XInclude: (at, files) =>
    drawing(
      `<xi:include href="file://${files}/secret.xml"/><xi:include href="../secret.xml"/><xi:include href="${at}/a.xml"/>`,
    ),
  'a filter and a pattern': (at, files) =>
    drawing(
      `<filter id="f"><feImage xlink:href="file://${files}/secret.png"/><feImage xlink:href="../secret.png"/></filter><rect width="100" height="100" filter="url(#f)" fill="none"/><rect width="100" height="100" fill="url(${at}/a.svg#p)"/><rect width="100" height="100" fill="url(../secret.svg#r)"/>`,
    ),
}

const plan = plainPlan('png')
const limits = { maxPixels: 50_000_000, maxPages: 500, maxBytes: 100_000_000 }

// In this process, where the network is open and every file can be read.
test.each(Object.keys(drawings))('a drawing loads nothing by %s', async (name) => {
  const picture = await draw(drawings[name]?.(server.url, folder) ?? '').catch((error) => {
    // To refuse it is as good as to leave it out.
    expect(error).toMatchObject({ code: 'HERALD_CORRUPT_FILE' })
  })
  expect(server.requests).toEqual([])
  if (picture) expect(await inner(picture)).toEqual([255, 255, 255])
})

test('but an embedded picture is shown, so the test can detect red', async () => {
  const own = `data:image/png;base64,${red.toString('base64')}`
  expect((await inner(await draw(drawing(image(own))))).map(Math.round)).toEqual([255, 0, 0])
})

async function draw(svg: string): Promise<string> {
  const path = join(folder, 'work', 'source')
  const target = join(folder, 'work', 'target')
  await writeFile(path, svg)
  await imageEngine.convert({ path, format: 'svg' }, plan, target, limits)
  return target
}

/** The mean colour of a drawing but for its blue corner, on white. */
async function inner(path: string): Promise<number[]> {
  const cut = { left: 20, top: 20, width: 70, height: 70 }
  const pixels = await sharp(path).extract(cut).flatten({ background: '#fff' }).png().toBuffer()
  return (await sharp(pixels).stats()).channels.map(({ mean }) => mean)
}
