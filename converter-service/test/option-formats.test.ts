import { appliesTo } from '@herald/proto/rendition-options'
import { targetNames } from '@herald/proto/target-formats'
import { expect, test } from 'vitest'
import { encoders } from '#src/engines/image/encoders'
import { formatCatalogue } from '#src/formats'

test.each(formatCatalogue)('the options of $name are those that its encoder has', (format) => {
  expect(appliesTo('quality', format.name)).toBe(format.defaultQuality !== undefined)
  expect(appliesTo('maxBytes', format.name)).toBe(format.defaultQuality !== undefined)
  expect(appliesTo('effort', format.name)).toBe(encoders[format.name]?.defaultEffort !== undefined)
})

test('the target formats of the contract are those that the engines write', () => {
  expect([...Object.keys(encoders), 'pdf'].sort()).toEqual(targetNames.toSorted())
})
