/** The form's settings as a program sends them: the fields first, the file last. */
export function formOf(file, extra = {}) {
  const form = new FormData()
  const fields = new FormData(document.querySelector('#convert'))
  for (const [name, value] of fields) if (typeof value === 'string') form.set(name, value)
  // A form changes line breaks and quotes in a file's name.
  form.set('name', encodeURIComponent(file.name.toWellFormed?.() ?? file.name))
  for (const [name, value] of Object.entries(extra)) form.set(name, value)
  return (body = file) => {
    form.set('file', body, 'file')
    return form
  }
}

export const json = { Accept: 'application/json' }
