import tseslint from 'typescript-eslint'

const clocksAndChance = [
  {
    selector: "NewExpression[callee.name='Date'][arguments.length=0]",
    message: 'Take the time from the Clock port.',
  },
  {
    selector: "MemberExpression[object.name='Date'][property.name='now']",
    message: 'Take the time from the Clock port.',
  },
  {
    selector: "MemberExpression[object.name='Math'][property.name='random']",
    message: 'Take chance from a port.',
  },
  { selector: 'Identifier[name=/^random(UUID|Bytes|Int)$/]', message: 'Take chance from a port.' },
]
const hiddenClocks = clocksAndChance.map(({ selector }) => ({
  selector,
  message: 'Ask the clock (clock.ts).',
}))
const environment = {
  selector: "MemberExpression[object.name='process'][property.name='env']",
  message: 'The environment is read once, in infrastructure/settings/environment.ts.',
}

const literalSpreads = ['ObjectExpression', 'ArrayExpression'].map((literal) => ({
  selector: `${literal} > SpreadElement > ${literal}`,
  message: 'Write the members themselves.',
}))

export default tseslint.config(
  {
    ignores: [
      '**/node_modules/',
      '**/dist/',
      'data/',
      'coverage/',
      '.postgres/',
      '.nginx/',
      '.prometheus/',
      '.spin/',
      '.go/',
      '.pgbouncer/',
      '.proxies/',
      '.python/',
      '.earlier/',
    ],
  },
  ...tseslint.configs.strictTypeChecked,
  {
    languageOptions: { parserOptions: { projectService: { allowDefaultProject: ['*.js', '.*.cjs'] } } },
    linterOptions: { reportUnusedDisableDirectives: 'error' },
    rules: {
      eqeqeq: 'error',
      'max-depth': ['error', 3],
      'max-lines': ['error', { max: 260, skipBlankLines: true, skipComments: true }],
      'max-lines-per-function': ['error', { max: 60, skipBlankLines: true, skipComments: true }],
      'no-console': 'error',
      'no-restricted-syntax': ['error', ...literalSpreads],
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true }],
      '@typescript-eslint/no-confusing-void-expression': ['error', { ignoreArrowShorthand: true }],
    },
  },
  { files: ['service/src/**'], rules: { 'no-restricted-syntax': ['error', environment, ...literalSpreads] } },
  {
    files: ['service/src/domain/**', 'service/src/application/**'],
    rules: { 'no-restricted-syntax': ['error', environment, ...clocksAndChance, ...literalSpreads] },
  },
  {
    files: ['verifiers/node/src/**'],
    ignores: ['verifiers/node/src/clock.ts'],
    rules: { 'no-restricted-syntax': ['error', environment, ...hiddenClocks, ...literalSpreads] },
  },
  {
    files: ['service/src/infrastructure/settings/environment.ts'],
    rules: { 'no-restricted-syntax': ['error', ...literalSpreads] },
  },
  {
    files: [
      'service/test/**',
      'verifiers/node/test/**',
      'verifiers/node/examples/**',
      'end-to-end/**',
      'examples/*/test/**',
      'bench/test/**',
      'scripts/**',
    ],
    rules: { 'max-lines-per-function': 'off', 'max-lines': 'off', 'no-console': 'off' },
  },
  // Lists: of routes, and of who gets what. Cutting them up would hide their order.
  {
    files: ['service/src/interface-adapters/http/**/*-routes.ts', 'service/src/main.ts'],
    rules: { 'max-lines-per-function': 'off' },
  },
  { files: ['**/*.js', '**/*.cjs'], ...tseslint.configs.disableTypeChecked },
)
