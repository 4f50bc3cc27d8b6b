// domain <- application <- interface-adapters <- infrastructure <- main.ts, import.ts, cli.ts: imports point left only, no exemption.
const layers = ['domain', 'application', 'interface-adapters', 'infrastructure']
const src = '^service/src/'
/** What is started: each wires by hand what it needs. */
const compositionRoots = `${src}(main|import|cli)\\.ts$`

const neverToTheRight = layers.map((layer, index) => ({
  name: `${layer}-points-left-only`,
  comment: `${layer} must not know ${[...layers.slice(index + 1), 'main.ts, import.ts and cli.ts'].join(', ')}.`,
  severity: 'error',
  from: { path: `${src}${layer}/` },
  to: { path: [...layers.slice(index + 1).map((right) => `${src}${right}/`), compositionRoots] },
}))

const verifier = '^verifier/src/'

/** @type {import('dependency-cruiser').IConfiguration} */
module.exports = {
  forbidden: [
    ...neverToTheRight,
    {
      name: 'rules-need-nothing',
      comment:
        'domain and application import no package and nothing of Node: I/O, time and chance come by ports.',
      severity: 'error',
      from: { path: `${src}(domain|application)/` },
      to: { pathNot: src },
    },
    {
      name: 'no-cycles',
      severity: 'error',
      from: { path: [src, verifier] },
      to: { circular: true },
    },
    {
      name: 'sources-know-no-tests',
      severity: 'error',
      from: { path: [src, verifier] },
      to: { path: '^(service/test|verifier/(test|examples)|scripts)/' },
    },
    {
      name: 'verifier-stands-alone',
      comment: 'Other services install it: it needs Node.js and nothing else.',
      severity: 'error',
      from: { path: verifier },
      to: { pathNot: verifier, dependencyTypesNot: ['core'] },
    },
    {
      name: 'service-knows-no-verifier',
      comment: 'They meet on the wire only.',
      severity: 'error',
      from: { path: src },
      to: { path: '(^|/)(verifier/|@chat-auth/verifier)' },
    },
    {
      name: 'in-a-layer-or-main',
      comment: 'Every source file belongs to a layer; only the composition roots stand outside.',
      severity: 'error',
      from: { path: src, pathNot: [`${src}(${layers.join('|')})/`, compositionRoots] },
      to: {},
    },
    {
      name: 'roots-stand-alone',
      comment: 'A composition root that knew another would load all that the other needs.',
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
