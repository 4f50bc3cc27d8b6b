// Makes service/assets/avatars: the pictures that users without one of their own are shown with. The same script makes
// the same files with the same version of sharp. Run it with: node scripts/draw-default-avatars.ts
import { mkdirSync, writeFileSync } from 'node:fs'
import sharp from 'sharp'

const FOLDER = new URL('../service/assets/avatars/', import.meta.url)
const SIZES = [512, 128]

/** Background, and two colours for what is drawn on it. */
const PALETTES = [
  ['#1f3a5f', '#f2b134', '#ed553b'],
  ['#2a6f6f', '#f6e27f', '#e2725b'],
  ['#5b3a70', '#f4a6a6', '#ffd166'],
  ['#8c2f39', '#fcd5ce', '#f9a03f'],
  ['#2d5d34', '#dce775', '#ffb74d'],
  ['#37474f', '#80cbc4', '#ffab91'],
  ['#6d4c41', '#ffe0b2', '#81c784'],
  ['#283593', '#90caf9', '#ffcc80'],
] as const

type Motif = (light: string, warm: string) => string

/** SVG in a square of 512 units. The middle stays filled if a client cuts the picture to a circle. */
const MOTIFS: readonly Motif[] = [
  // Sunrise
  (light, warm) =>
    `<circle cx="256" cy="270" r="118" fill="${light}"/><path d="M0 340Q128 280 256 340T512 340V512H0Z" fill="${warm}"/>`,
  // Hills
  (light, warm) =>
    `<circle cx="352" cy="158" r="58" fill="${light}"/><path d="M-40 512L176 196L392 512Z" fill="${warm}"/><path d="M196 512L352 288L552 512Z" fill="${light}"/>`,
  // Rings
  (light, warm) =>
    `<g fill="none" stroke-width="44"><circle cx="256" cy="256" r="164" stroke="${warm}"/><circle cx="256" cy="256" r="86" stroke="${light}"/></g>`,
  // Leaf
  (light, warm) =>
    `<path d="M256 96C392 176 392 336 256 416C120 336 120 176 256 96Z" fill="${light}"/><path d="M256 96C300 200 300 312 256 416C392 336 392 176 256 96Z" fill="${warm}"/>`,
  // Waves
  (light, warm) =>
    `<g fill="none" stroke-width="46" stroke-linecap="round"><path d="M96 180Q176 108 256 180T416 180" stroke="${light}"/><path d="M96 272Q176 200 256 272T416 272" stroke="${warm}"/><path d="M96 364Q176 292 256 364T416 364" stroke="${light}"/></g>`,
  // Flower
  (light, warm) =>
    Array.from({ length: 6 }, (_, petal) => {
      const turn = petal * 60
      return `<ellipse cx="256" cy="156" rx="58" ry="82" fill="${light}" transform="rotate(${turn} 256 256)"/>`
    }).join('') + `<circle cx="256" cy="256" r="66" fill="${warm}"/>`,
]

mkdirSync(FOLDER, { recursive: true })
for (const [motifAt, motif] of MOTIFS.entries()) {
  for (const [paletteAt, [background, light, warm]] of PALETTES.entries()) {
    const svg = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 512 512" width="512" height="512"><rect width="512" height="512" fill="${background}"/>${motif(light, warm)}</svg>`
    const number = motifAt * PALETTES.length + paletteAt
    for (const size of SIZES) {
      const png = await sharp(Buffer.from(svg))
        .resize(size, size)
        .png({ palette: true, colours: 32, effort: 10, compressionLevel: 9 })
        .toBuffer()
      writeFileSync(new URL(`default-${number}-${size}.png`, FOLDER), png)
    }
  }
}
