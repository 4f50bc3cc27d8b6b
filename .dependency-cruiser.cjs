// Imports point left only:
// domain <- application <- interface-adapters <- infrastructure <- wiring <- main.ts, import.ts, cli.ts
const layers = ['domain', 'application', 'interface-adapters', 'infrastructure', 'wiring']
const src = '^service/src/'
/** The files that are started. Each builds what it needs by hand. */
const compositionRoots = `${src}(main|import|cli)\\.ts$`

const layersPointLeft = layers.map((layer, index) => ({
  name: `${layer}-points-left-only`,
  comment: `${layer} must not know ${[...layers.slice(index + 1), 'main.ts, import.ts and cli.ts'].join(', ')}.`,
  severity: 'error',
  from: { path: `${src}${layer}/` },
  to: { path: [...layers.slice(index + 1).map((right) => `${src}${right}/`), compositionRoots] },
}))

/** Every room of infrastructure, with the rooms it may import. A room may name only rooms that stand above it here. */
const rooms = {
  settings: [],
  crypto: [],
  context: [],
  http: ['context'],
  pages: [],
  postgres: ['context'],
  pictures: ['crypto'],
  outgoing: ['settings'],
  mail: ['settings'],
  cli: ['settings'],
  embedded: ['postgres'],
  storage: ['settings', 'postgres', 'embedded'],
  import: ['settings', 'postgres', 'embedded', 'storage'],
  process: ['settings', 'postgres', 'embedded', 'storage'],
  observability: ['settings', 'crypto', 'postgres', 'storage'],
  doctor: ['settings', 'crypto', 'mail', 'postgres', 'storage'],
}
const roomNames = Object.keys(rooms)
const infrastructure = `${src}infrastructure/`

const roomsKeepTheirOrder = roomNames.map((room, index) => {
  const notAbove = rooms[room].filter((name) => !roomNames.slice(0, index).includes(name))
  if (notAbove.length > 0) throw new Error(`The room ${room} must stand below ${notAbove.join(', ')}.`)
  return {
    name: `${room}-imports-only-its-rooms`,
    comment: `In infrastructure, ${room} may import: ${rooms[room].join(', ') || 'no other room'}.`,
    severity: 'error',
    from: { path: `${infrastructure}${room}/` },
    to: { path: infrastructure, pathNot: `${infrastructure}(${[room, ...rooms[room]].join('|')})/` },
  }
})

const verifier = '^verifiers/node/src/'
/** The rooms of the verifier. Each may import those to its left, and the leaves beside them. */
const verifierRooms = ['token', 'service', 'feed', 'sockets', 'verification', 'adapters']
const verifierRoots = `${verifier}(index|create-verifier)\\.ts$`

const verifierRoomsPointLeft = verifierRooms.map((room, index) => ({
  name: `verifier-${room}-points-left-only`,
  severity: 'error',
  from: { path: `${verifier}${room}/` },
  to: { path: [...verifierRooms.slice(index + 1).map((right) => `${verifier}${right}/`), verifierRoots] },
}))

/** @type {import('dependency-cruiser').IConfiguration} */
module.exports = {
  forbidden: [
    ...layersPointLeft,
    ...roomsKeepTheirOrder,
    {
      name: 'in-a-room',
      comment:
        'Every file of infrastructure belongs to a room, and every room has its line in the list above.',
      severity: 'error',
      from: { path: infrastructure, pathNot: `${infrastructure}(${roomNames.join('|')})/` },
      to: {},
    },
    {
      name: 'wiring-is-for-roots',
      comment: 'Only the composition roots import wiring. Tests start the service through main.ts.',
      severity: 'error',
      from: { pathNot: [`${src}wiring/`, '^service/test/wiring/', compositionRoots] },
      to: { path: `${src}wiring/` },
    },
    ...verifierRoomsPointLeft,
    {
      name: 'rules-need-nothing',
      comment:
        'domain and application import no package and nothing of Node: I/O, time and randomness come through ports.',
      severity: 'error',
      from: { path: `${src}(domain|application)/` },
      to: { pathNot: src },
    },
    {
      name: 'no-cycles',
      comment: 'Holds for sources, tests, examples and scripts alike.',
      severity: 'error',
      from: {},
      to: { circular: true },
    },
    {
      name: 'sources-know-no-tests',
      severity: 'error',
      from: { path: [src, verifier, '^examples/[^/]+/src/'] },
      to: {
        path: '^(service/test|verifiers/node/(test|examples)|examples/[^/]+/test|end-to-end|scripts|bench)/',
      },
    },
    {
      name: 'verifier-stands-alone',
      comment: 'Other services install it. It may need Node.js and nothing else.',
      severity: 'error',
      from: { path: verifier, pathNot: `${verifier}adapters/` },
      to: { pathNot: verifier, dependencyTypesNot: ['core'] },
    },
    {
      name: 'adapters-need-their-framework-alone',
      comment: 'An adapter may import the framework that it is for, an optional peer dependency.',
      severity: 'error',
      from: { path: `${verifier}adapters/` },
      to: { pathNot: verifier, dependencyTypesNot: ['core', 'npm-peer'] },
    },
    {
      name: 'verifier-tests-stand-alone',
      comment: 'The package is tested without the service. Tests of both are in end-to-end.',
      severity: 'error',
      from: { path: '^verifiers/node/test/' },
      to: { path: '^(service|end-to-end)/' },
    },
    {
      name: 'service-knows-no-verifier',
      comment: 'They share a protocol, not code.',
      severity: 'error',
      from: { path: src },
      to: { path: '(^|/)(verifiers/node/|@chat-auth/verifier)' },
    },
    {
      name: 'in-a-layer-or-main',
      comment: 'Every source file belongs to a layer, except the composition roots.',
      severity: 'error',
      from: { path: src, pathNot: [`${src}(${layers.join('|')})/`, compositionRoots] },
      to: {},
    },
    {
      name: 'routes-import-no-routes',
      comment:
        'Schemas, types and helpers that several routes need have files of their own; wiring mounts the routes.',
      severity: 'error',
      from: { path: `${src}.*-routes\\.ts$` },
      to: { path: `${src}.*-routes\\.ts$` },
    },
    {
      name: 'roots-stand-alone',
      comment: 'A composition root that imported another would load everything the other needs.',
      severity: 'error',
      from: { path: compositionRoots },
      to: { path: compositionRoots },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsConfig: { fileName: 'tsconfig.json' },
    tsPreCompilationDeps: true,
    enhancedResolveOptions: { exportsFields: ['exports'], conditionNames: ['import', 'node', 'types'] },
  },
}
