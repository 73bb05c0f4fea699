// Writes charlstm/view/static/kernel_bytes.js from kernel.wat; with --check only says whether it is what it should be.
import { readFileSync, writeFileSync } from 'node:fs';
import wabt from 'wabt';

const place = new URL('../../charlstm/view/static/', import.meta.url);
const { parseWat } = await wabt();
const parsed = parseWat('kernel.wat', readFileSync(new URL('kernel.wat', place), 'utf-8'), { simd: true });
parsed.validate();
const text = Buffer.from(parsed.toBinary({}).buffer).toString('base64');
const lines = text.match(/.{1,100}/g).map((line) => `  '${line}'`);
const made = `// Made from kernel.wat by tests/view/make_kernel.js; a test checks it.
export const KERNEL = [
${lines.join(',\n')},
].join('');
`;
const target = new URL('kernel_bytes.js', place);
if (!process.argv.includes('--check')) writeFileSync(target, made);
else if (readFileSync(target, 'utf-8') !== made) {
  console.error('kernel_bytes.js is not what kernel.wat says: run node tests/view/make_kernel.js');
  process.exit(1);
}
