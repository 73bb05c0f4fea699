// The same products, several numbers at once: a small WebAssembly module (kernel.wat), where the browser has it.

import { KERNEL } from './kernel_bytes.js';
import { newMatrix } from './weights.js';

/** @typedef {import('./network.js').Product} Product */
/** @typedef {import('./network.js').Matrix} Matrix */
/** @typedef {{product: Product, make: import('./weights.js').NewMatrix}} Kernel */

const PAGE = 65536; // bytes, of WebAssembly's memory
const LONGEST = 65536 * 4; // numbers in a vector, at most: four blocks of rows of the widest layer

/** A fast product, and where the matrices for it are made; null where there is none.
 * @param {number} room numbers in all matrices @returns {Promise<Kernel?>} */
export async function openKernel(room) {
  try {
    const bytes = Uint8Array.from(atob(KERNEL), (character) => character.charCodeAt(0));
    const pages = Math.ceil(((room + 2 * LONGEST) * 4) / PAGE);
    const memory = new WebAssembly.Memory({ initial: pages, maximum: pages });
    const { instance } = await WebAssembly.instantiate(bytes, { page: { memory } });
    const run = /** @type {(...places: number[]) => void} */ (instance.exports.product);
    const x = new Float32Array(memory.buffer, 0, LONGEST);
    const y = new Float32Array(memory.buffer, LONGEST * 4, LONGEST);
    let free = 2 * LONGEST * 4;
    return {
      make(rows, columns) {
        const { stride } = newMatrix(0, columns);
        const data = new Float32Array(memory.buffer, free, rows * stride);
        free += data.byteLength;
        return { data, rows, columns, stride };
      },
      product(W, vector, into) {
        x.set(vector);
        x.fill(0, W.columns, W.stride);
        run(W.data.byteOffset, x.byteOffset, y.byteOffset, W.rows, W.stride / 4);
        into.set(y.subarray(0, W.rows));
      },
    };
  } catch {
    return null; // no WebAssembly, no SIMD, or no memory for it
  }
}
