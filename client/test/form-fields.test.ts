import { flagOf, optionRows } from '@herald/proto/rendition-options'
import { expect, test } from 'vitest'
import { readFields, renditionOf } from '#src/web/form-fields'
import { frontPage } from '#src/web/pages/front-page'
import { viewFor } from '#src/web/pages/view'
import { languages } from '#src/web/words'

const onPage = optionRows.filter(([, { form }]) => form !== undefined)

function pageIn(language: string): string {
  const view = viewFor(language, { asset: String, keepMs: 0, now: Date.now })
  return frontPage(view, {
    ...{ formats: [], converterAway: false, maxBytes: 0, recipients: 'any', history: [] },
    progressOf: () => undefined,
  })
}

test.each(onPage)('the option %s has one field, labelled in every language', (name, option) => {
  for (const language of languages) {
    const page = pageIn(language)
    const label = option.label?.[language]
    expect(label).toBeTypeOf('string')
    expect(page).toContain(label)
    expect(page.split(` name="${flagOf(name)}"`)).toHaveLength(2)
  }
})

test('the fields of a form are read as the options of a rendition', () => {
  const text = {
    to: 'WebP',
    width: ' 800 ',
    quality: '',
    lossless: 'yes',
    keep: 'exif',
    page: 'all',
  }
  expect(renditionOf(readFields({ ...text, 'tracked-changes': 'yes', 'max-bytes': '2k' }))).toEqual(
    {
      ...{ format: 'webp', width: 800, lossless: true, keep: ['KEEP_EXIF'], everyPage: true },
      ...{ trackedChanges: true, maxBytes: 2000 },
    },
  )
  expect(renditionOf(readFields({ to: 'png', width: '' }))).toEqual({ format: 'png' })
})

test('an invalid field is refused in the words of the CLI', () => {
  expect(() => readFields({ to: 'png', width: 'abc' })).toThrow(
    'Invalid width "abc": expected a whole number from 1 to 65535.',
  )
})
