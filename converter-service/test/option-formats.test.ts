import { encoders } from '@herald/converter-service/engines/encoders'
import { formatCatalogue } from '@herald/converter-service/formats'
import { appliesTo } from '@herald/proto/rendition-options'
import { expect, test } from 'vitest'

test.each(formatCatalogue)('the options of $name are those that its encoder has', (format) => {
  expect(appliesTo('quality', format.name)).toBe(format.defaultQuality !== undefined)
  expect(appliesTo('maxBytes', format.name)).toBe(format.defaultQuality !== undefined)
  expect(appliesTo('effort', format.name)).toBe(encoders[format.name]?.defaultEffort !== undefined)
})
