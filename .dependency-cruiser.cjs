// domain <- application <- interface-adapters <- infrastructure <- main.ts: imports point left only, no exemption.
const layers = ['domain', 'application', 'interface-adapters', 'infrastructure']
const src = '^service/src/'

const neverToTheRight = layers.map((layer, index) => ({
  name: `${layer}-points-left-only`,
  comment: `${layer} must not know ${[...layers.slice(index + 1), 'main.ts'].join(', ')}.`,
  severity: 'error',
  from: { path: `${src}${layer}/` },
  to: { path: [...layers.slice(index + 1).map((right) => `${src}${right}/`), `${src}main\\.ts$`] },
}))

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
      from: { path: src },
      to: { circular: true },
    },
    {
      name: 'sources-know-no-tests',
      severity: 'error',
      from: { path: src },
      to: { path: '^(service/test|scripts)/' },
    },
    {
      name: 'in-a-layer-or-main',
      comment: 'Every source file belongs to a layer; only main.ts stands outside.',
      severity: 'error',
      from: { path: src, pathNot: `${src}((${layers.join('|')})/|main\\.ts$)` },
      to: {},
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsConfig: { fileName: 'tsconfig.json' },
    tsPreCompilationDeps: true,
    enhancedResolveOptions: { exportsFields: ['exports'], conditionNames: ['import', 'node', 'types'] },
  },
}
