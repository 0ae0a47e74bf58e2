// The linter: type-aware rules of typescript-eslint. Borders between rooms: .dependency-cruiser.mjs.
import tseslint from 'typescript-eslint'

const message = 'A hint begins in lower case, and has no full stop at its end.'

export default tseslint.config(
  { ignores: ['dist/**', 'node_modules/**', '.cache/**'] },
  {
    files: ['src/**/*.ts', 'test/**/*.ts'],
    extends: [...tseslint.configs.recommendedTypeChecked],
    languageOptions: { parserOptions: { projectService: true } },
    rules: {
      '@typescript-eslint/no-floating-promises': 'error',
      '@typescript-eslint/no-misused-promises': 'error',
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true }],
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_' }],
      '@typescript-eslint/require-await': 'off',
      '@typescript-eslint/no-base-to-string': 'off',
      'no-console': 'error',
    },
  },
  {
    files: ['src/**/*.ts'],
    rules: {
      'no-restricted-syntax': [
        'error',
        ...['Property[key.name="hint"] >', 'VariableDeclarator[id.name="hint"] >'].flatMap(
          (hint) => [
            { selector: `${hint} Literal[value=/^[A-Z][a-z]|[.]$/]`, message },
            {
              selector: `${hint} TemplateLiteral > TemplateElement:first-child[value.raw=/^[A-Z][a-z]/]`,
              message,
            },
          ],
        ),
      ],
    },
  },
)
