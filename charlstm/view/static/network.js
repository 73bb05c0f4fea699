// The network, step by step, one equation a line: the same as charlstm/network/cells/ has them.
//
//     Legend: E embedding, H hidden, L layers, V vocabulary, G blocks of H rows (one a gate).
//
// Only the products of matrices with vectors are left to a `Product`: plain ones below, fast ones in kernel.js.

/** @typedef {{data: Float32Array, rows: number, columns: number, stride: number}} Matrix rows of `stride` numbers */
/** @typedef {(W: Matrix, x: Float32Array, y: Float32Array) => void} Product writes W x into y */
/** @typedef {{W_i: Matrix, W_h: Matrix, b: Float32Array}} Layer */
/** @typedef {{h: Float32Array, c: Float32Array}} State of all layers, L*H each; c is empty without a cell state */
/** @typedef {Record<string, Float32Array>} Gates of one layer, by letter, H each */
/** @typedef {{layer: number, cell: number, value: number}} Held a cell whose memory stays at a value */
/** @typedef {{cellType: string, layers: Layer[], embedding: Matrix, head: Matrix, headBias: Float32Array}} Weights */

/** @param {number} z */
export const sigmoid = (z) => 1 / (1 + Math.exp(-z));

/** W x, row by row. @type {Product} */
export function plainProduct(W, x, y) {
  for (let r = 0; r < W.rows; r++) {
    const start = r * W.stride;
    let sum = 0;
    for (let k = 0; k < W.columns; k++) sum += W.data[start + k] * x[k];
    y[r] = sum;
  }
}

/**
 * One layer of an LSTM over one character.
 * @param {Float32Array} x W_i x_t, 4H @param {Float32Array} r W_h h_{t-1}, 4H @param {Float32Array} b 4H
 * @param {Float32Array} h @param {Float32Array} c both H: what they were goes in, what they become comes out
 * @param {Gates} gates
 */
function stepLstm(x, r, b, h, c, gates) {
  const H = h.length;
  for (let k = 0; k < H; k++) {
    const i = sigmoid(x[k] + r[k] + b[k]); //                                input gate: what may be written
    const f = sigmoid(x[H + k] + r[H + k] + b[H + k]); //                    forget gate: what is kept
    const g = Math.tanh(x[2 * H + k] + r[2 * H + k] + b[2 * H + k]); //      candidate: what would be written
    const o = sigmoid(x[3 * H + k] + r[3 * H + k] + b[3 * H + k]); //        output gate: what is shown
    c[k] = f * c[k] + i * g; //                                              cell state: the long memory
    h[k] = o * Math.tanh(c[k]); //                                           hidden state: the short memory
    gates.i[k] = i;
    gates.f[k] = f;
    gates.g[k] = g;
    gates.o[k] = o;
  }
}

/** One layer of a GRU over one character; its bias has four blocks: r, z, n of the input, n of the recurrence.
 * @type {typeof stepLstm} */
function stepGru(x, q, b, h, _c, gates) {
  const H = h.length;
  for (let k = 0; k < H; k++) {
    const r = sigmoid(x[k] + q[k] + b[k]); //                                                     reset gate
    const z = sigmoid(x[H + k] + q[H + k] + b[H + k]); //                                         update gate
    const n = Math.tanh(x[2 * H + k] + b[2 * H + k] + r * (q[2 * H + k] + b[3 * H + k])); //      candidate
    h[k] = (1 - z) * n + z * h[k]; //                                                             hidden state
    gates.r[k] = r;
    gates.z[k] = z;
    gates.n[k] = n;
  }
}

/** One layer of a plain network over one character. @type {typeof stepLstm} */
function stepRnn(x, r, b, h) {
  for (let k = 0; k < h.length; k++) h[k] = Math.tanh(x[k] + r[k] + b[k]); // hidden state: all that it remembers
}

const STEPS = { lstm: stepLstm, gru: stepGru, rnn: stepRnn };
/** The gates of each cell type, in the order of the rows of its weights. @type {Record<string, string>} */
export const GATES = { lstm: 'ifgo', gru: 'rzn', rnn: '' };

/** A network that reads one character after the other. */
export class Network {
  /** @param {Weights} weights @param {Product} product */
  constructor(weights, product) {
    this.weights = weights;
    this.product = product;
    this.cellType = /** @type {keyof typeof STEPS} */ (weights.cellType);
    this.hidden = weights.layers[0].W_h.columns;
    this.depth = weights.layers.length;
    this.hasCellState = this.cellType === 'lstm';
    const rows = weights.layers[0].W_h.rows;
    this.x = new Float32Array(rows); // W_i x_t
    this.r = new Float32Array(rows); // W_h h_{t-1}
    /** The gates of the last step, a layer each. @type {Gates[]} */
    this.gates = weights.layers.map(() =>
      Object.fromEntries([...GATES[this.cellType]].map((letter) => [letter, new Float32Array(this.hidden)])),
    );
  }

  /** A state that remembers nothing. @returns {State} */
  zeroState() {
    const size = this.depth * this.hidden;
    return { h: new Float32Array(size), c: new Float32Array(this.hasCellState ? size : 0) };
  }

  /** @param {State} state @returns {State} */
  copy(state) {
    return { h: state.h.slice(), c: state.c.slice() };
  }

  /** The state that carries the memory, L*H. @param {State} state */
  memory(state) {
    return this.hasCellState ? state.c : state.h;
  }

  /** The vector of a character. @param {number} id */
  embed(id) {
    const { data, stride, columns } = this.weights.embedding;
    return data.subarray(id * stride, id * stride + columns);
  }

  /** Read one character; the state is changed in place. @param {number} id @param {State} state @param {Held?} held */
  step(id, state, held = null) {
    const H = this.hidden;
    let input = this.embed(id);
    this.weights.layers.forEach((layer, k) => {
      const h = state.h.subarray(k * H, (k + 1) * H);
      const c = state.c.subarray(k * H, (k + 1) * H);
      this.product(layer.W_i, input, this.x);
      this.product(layer.W_h, h, this.r);
      STEPS[this.cellType](this.x, this.r, layer.b, h, c, this.gates[k]);
      if (held && held.layer === k) this.hold(held, h, c, k);
      input = h;
    });
  }

  /** The memory of a cell at a value; what it shows follows. @param {Held} held
   * @param {Float32Array} h @param {Float32Array} c @param {number} layer */
  hold(held, h, c, layer) {
    if (this.hasCellState) {
      c[held.cell] = held.value;
      h[held.cell] = this.gates[layer].o[held.cell] * Math.tanh(held.value);
    } else h[held.cell] = held.value;
  }

  /** What the head makes of the top hidden state: V numbers. @param {State} state */
  logits(state) {
    const { head, headBias } = this.weights;
    const found = new Float32Array(headBias.length);
    this.product(head, state.h.subarray((this.depth - 1) * this.hidden), found);
    for (let k = 0; k < found.length; k++) found[k] += headBias[k];
    return found;
  }
}
