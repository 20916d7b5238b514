/** The form's settings as text. */
export function fieldsOf(extra = {}) {
  const fields = {}
  for (const [name, value] of new FormData(document.querySelector('#convert')))
    if (typeof value === 'string') fields[name] = value
  for (const [name, value] of Object.entries(extra)) fields[name] = String(value)
  return fields
}

/** Percent-encoded, because a form changes line breaks and quotes. */
const encoded = (text) => encodeURIComponent(text.toWellFormed?.() ?? text)

/** The names of a file and of the folder it was dropped with. */
export const nameFields = ({ name }, folder = '') => ({
  name: encoded(name),
  folder: encoded(folder),
})

/** The form's settings for an upload: the fields first, the file last. */
export function formOf(file, extra = {}) {
  const form = new FormData()
  for (const [name, value] of Object.entries(fieldsOf({ ...nameFields(file), ...extra })))
    form.set(name, value)
  return (body = file) => {
    form.set('file', body, 'file')
    return form
  }
}

export const json = { Accept: 'application/json' }
