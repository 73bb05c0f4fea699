// From the text that charlstm/view/weights.py writes to the matrices of a network.

/** @typedef {import('./network.js').Weights} Weights */
/** @typedef {import('./network.js').Matrix} Matrix */
/** @typedef {{name: string, shape: number[]}} Tensor */
/** @typedef {{form: string, exact: boolean, tensors: Tensor[]}} WeightsInfo */
/** @typedef {(rows: number, columns: number) => Matrix} NewMatrix */

const ROOM = 4; // rows begin at multiples of four numbers, so that a kernel can take four at once

/** A matrix of zeros. @type {NewMatrix} */
export function newMatrix(rows, columns) {
  const stride = Math.ceil(columns / ROOM) * ROOM;
  return { data: new Float32Array(rows * stride), rows, columns, stride };
}

/** How many numbers the matrices take, with room. @param {WeightsInfo} info */
export function roomFor(info) {
  const matrices = info.tensors.filter(({ shape }) => shape.length === 2);
  return matrices.reduce((sum, { shape: [rows, columns] }) => sum + rows * Math.ceil(columns / ROOM) * ROOM, 0);
}

/** Bytes from base64, inflated. @param {string} text @returns {Promise<Uint8Array>} */
export async function inflate(text) {
  const binary = atob(text);
  const bytes = new Uint8Array(binary.length);
  for (let k = 0; k < binary.length; k++) bytes[k] = binary.charCodeAt(k);
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream('deflate-raw'));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

/** The weights in some bytes. @param {Uint8Array} bytes @param {WeightsInfo} info @param {string} cellType
 * @param {NewMatrix} make @returns {Weights} */
export function readWeights(bytes, info, cellType, make = newMatrix) {
  const matrices = info.tensors.filter(({ shape }) => shape.length === 2);
  const count = matrices.reduce((sum, { shape: [rows, columns] }) => sum + rows * columns, 0);
  const wide = info.form === 'bfloat16';
  const floats = new Float32Array(bytes.slice(count * (wide ? 2 : 1)).buffer);
  /** @type {Record<string, Matrix>} */
  const matrix = {};
  /** @type {Record<string, Float32Array>} */
  const bias = {};
  let at = 0;
  let float = 0;
  for (const { name, shape } of info.tensors) {
    if (shape.length === 1) {
      bias[name] = floats.subarray(float, float + shape[0]);
      float += shape[0];
      continue;
    }
    const [rows, columns] = shape;
    const made = make(rows, columns);
    const bits = new Uint32Array(made.data.buffer, made.data.byteOffset, made.data.length);
    for (let r = 0; r < rows; r++) {
      const start = r * made.stride;
      for (let k = 0; k < columns; k++, at++) {
        if (wide) bits[start + k] = (bytes[at] << 24) | (bytes[count + at] << 16);
        else made.data[start + k] = ((bytes[at] << 24) >> 24) * floats[float + r];
      }
    }
    if (!wide) float += rows;
    matrix[name] = made;
  }
  const depth = Object.keys(bias).filter((name) => name.includes('.bias_l')).length;
  return {
    cellType,
    layers: Array.from({ length: depth }, (_, k) => ({
      W_i: matrix[`${cellType}.weight_ih_l${k}`],
      W_h: matrix[`${cellType}.weight_hh_l${k}`],
      b: bias[`${cellType}.bias_l${k}`],
    })),
    embedding: matrix['embedding.weight'],
    head: matrix['head.weight'],
    headBias: bias['head.bias'],
  };
}
