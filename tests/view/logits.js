// The logits of the page's modules: node logits.js FOLDER, where FOLDER holds what tests/test_view_network.py wrote.
import { readFileSync, writeFileSync } from 'node:fs';
import { openKernel } from '../../charlstm/view/static/kernel.js';
import { Network, plainProduct } from '../../charlstm/view/static/network.js';
import { inflate, newMatrix, readWeights, roomFor } from '../../charlstm/view/static/weights.js';

const folder = process.argv[2];
const { info, cellType, ids, plain } = JSON.parse(readFileSync(`${folder}/asked.json`, 'utf-8'));
const bytes = await inflate(readFileSync(`${folder}/weights.txt`, 'utf-8'));
const kernel = await openKernel(roomFor(info));
if (!kernel) throw new Error('no WebAssembly here');

/** @param {import('../../charlstm/view/static/network.js').Product} product
 * @param {import('../../charlstm/view/static/weights.js').NewMatrix} make @param {number[]} read */
function run(product, make, read) {
  const network = new Network(readWeights(bytes, info, cellType, make), product);
  const state = network.zeroState();
  const begun = performance.now();
  const logits = read.map((id) => {
    network.step(id, state);
    return network.logits(state);
  });
  return { logits, state, perSecond: (1000 * read.length) / (performance.now() - begun) };
}

const fast = run(kernel.product, kernel.make, ids);
const slow = run(plainProduct, newMatrix, ids.slice(0, plain));
const all = new Float32Array(fast.logits.length * fast.logits[0].length);
fast.logits.forEach((row, k) => all.set(row, k * row.length));
writeFileSync(`${folder}/fast.f32`, new Uint8Array(all.buffer));
const some = new Float32Array(slow.logits.length * slow.logits[0].length);
slow.logits.forEach((row, k) => some.set(row, k * row.length));
writeFileSync(`${folder}/plain.f32`, new Uint8Array(some.buffer));
writeFileSync(`${folder}/memory.f32`, new Uint8Array(new Float32Array([...fast.state.h, ...fast.state.c]).buffer));
console.log(JSON.stringify({ fast: fast.perSecond, plain: slow.perSecond }));
