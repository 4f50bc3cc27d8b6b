import { readFileSync } from 'node:fs'

/** Returns a file of Unicode data, whose path is the only argument of the script, with its version. */
export function readData(name: string): { source: string; version: string } {
  const [path] = process.argv.slice(2)
  if (path === undefined) throw new Error(`Give the path of ${name} as the only argument`)
  const source = readFileSync(path, 'utf8')
  const version = /^# Version: (\S+)/m.exec(source)?.[1]
  if (version === undefined) throw new Error(`${path} contains no line with the Unicode version. Use ${name}`)
  return { source, version }
}
