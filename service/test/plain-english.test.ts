// The check of plain English finds breaches wherever prose stands, and leaves code alone.
import { expect, test } from 'vitest'
import { breaches } from '../../scripts/english/check-english.ts'

test.each([
  ['a comment', 'a.ts', '// The service answers 503.\n', '"answers"'],
  ['a comment inside a function', 'a.ts', 'function f() {\n  // Ends all at once.\n  g()\n}\n', '"at once"'],
  ['a string of several words', 'a.ts', "const text = 'the database is away'\n", '"is away"'],
  ['a test name', 'a.test.ts', "test('this is no session', () => undefined)\n", '"is no"'],
  ['a paragraph of Markdown', 'a.md', 'Some words.\n\nWere the token lost, repeat the call.\n', '"Were the"'],
  ['a comment of YAML', 'a.yaml', 'a: 1 # gets so long to finish\n', '"gets so long"'],
  ['a comment of Go', 'a.go', '// The service\n// answers 503.\npackage a\n', '"answers"'],
  ['a string of Go', 'a.go', 'var text = "the database is away"\n', '"is away"'],
  ['a docstring of Python', 'a.py', '"""Ends all\nat once."""\n', '"at once"'],
  ['a comment of Python', 'a.py', 'a = 1  # the service answers 503\n', '"answers"'],
  ['text of HTML', 'a.html', '<p>Work under way</p>\n', '"under way"'],
  ['a wrapped sentence', 'a.md', 'It answers at\nonce.\n', '"at once"'],
])('plain English: a breach in %s is found', (_, path, source, found) => {
  expect(breaches(path, source).some((line) => line.includes(found))).toBe(true)
})

test.each([
  ['identifiers and single words', 'a.ts', "const answers = 'answers'\n"],
  ['identifiers of Go and Python', 'a.go', 'answers := at.once("answers")\n'],
  ['code spans of Markdown', 'a.md', 'Call `person.answers()` first.\n'],
  ['"there is no" and "is no longer"', 'a.md', 'There is no queue. It is no longer used.\n'],
  ['a question', 'a.md', 'What happens next?\n'],
])('plain English: %s are not reported', (_, path, source) => {
  expect(breaches(path, source)).toEqual([])
})

test('plain English: a breach is reported with its path, line and advice', () => {
  expect(breaches('a.md', 'One.\n\nTwo at once.\n')).toEqual([
    'a.md:3: "at once": write "immediately" or "at the same time"',
  ])
})
