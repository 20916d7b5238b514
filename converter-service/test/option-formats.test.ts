import { appliesTo } from '@herald/proto/rendition-options'
import { expect, test } from 'vitest'
import { encoders } from '#src/engines/image/encoders'
import { formatCatalogue } from '#src/formats'

test.each(formatCatalogue)('the options of $name are those that its encoder has', (format) => {
  expect(appliesTo('quality', format.name)).toBe(format.defaultQuality !== undefined)
  expect(appliesTo('maxBytes', format.name)).toBe(format.defaultQuality !== undefined)
  expect(appliesTo('effort', format.name)).toBe(encoders[format.name]?.defaultEffort !== undefined)
})
