import { beforeAll, describe, expect, test } from 'vitest'
import { solePicture } from '../../../src/infrastructure/pictures/sole-picture.ts'
import { hostilePictures } from '../../support/hostile-pictures.ts'

let files: Map<string, Buffer>

beforeAll(async () => {
  files = new Map((await hostilePictures()).map(({ title, bytes }) => [title, bytes]))
})

const file = (title: string): Buffer => {
  const bytes = files.get(title)
  if (bytes === undefined) throw new Error(`there is no file called ${title}`)
  return bytes
}

describe('what the decoder is given', () => {
  test.each([
    'a PNG with a page behind it',
    'a PNG with a page in a text',
    'a PNG with a text that unpacks to 300 MiB',
    'a PNG with an international text that unpacks to 300 MiB',
    'a PNG with a colour profile that unpacks to 300 MiB',
    'a PNG with 50,000 texts',
  ])('of %s is the picture without it', (title) => {
    expect(solePicture(file(title)).equals(solePicture(file('a PNG')))).toBe(true)
  })

  test('of a WebP with a page behind it is the picture alone', () => {
    expect(solePicture(file('a WebP with a page behind it')).equals(file('a WebP'))).toBe(true)
  })

  test('of a PNG is what its pixels need, and which way up they are', () => {
    const chunksOf = (title: string) =>
      solePicture(file(title))
        .toString('latin1')
        .match(/IHDR|PLTE|tRNS|eXIf|pHYs|IEND/g)
    expect(chunksOf('a PNG with a palette and alpha')).toEqual(['IHDR', 'PLTE', 'tRNS', 'IEND'])
    expect(chunksOf('a PNG with eXIf')).toEqual(['IHDR', 'eXIf', 'IEND'])
  })

  test.each(['a JPEG', 'a CMYK JPEG', 'a WebP', 'a lossless WebP'])('of %s is all of it', (title) => {
    expect(solePicture(file(title)).equals(file(title))).toBe(true)
  })
})
