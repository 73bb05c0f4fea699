import js from '@eslint/js';
import globals from 'globals';

const rules = {
  ...js.configs.recommended.rules,
  eqeqeq: 'error',
  'no-shadow': 'off',
  'no-var': 'error',
  'prefer-const': 'error',
  'no-unused-vars': ['error', { argsIgnorePattern: '^_' }],
  'no-restricted-properties': ['error', { property: 'innerHTML' }, { property: 'outerHTML' }, { property: 'insertAdjacentHTML' }],
  'no-restricted-globals': ['error', 'fetch', 'XMLHttpRequest', 'WebSocket', 'localStorage', 'sessionStorage'],
  'no-eval': 'error',
  'no-implied-eval': 'error',
  'no-new-func': 'error',
};
export default [
  { files: ['charlstm/view/static/*.js'], rules, languageOptions: { globals: globals.browser } },
  { files: ['tests/view/*.js'], rules: js.configs.recommended.rules, languageOptions: { globals: globals.node } },
];
