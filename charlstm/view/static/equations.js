// One step of one cell in numbers: the equations of its type, as charlstm/network/cells/ writes them.

import { GATES, sigmoid } from './network.js';
import { decimal, signed } from './page_elements.js';

/** @typedef {import('./network.js').Matrix} Matrix */
/** @typedef {import('./reading.js').Reading} Reading */
/** @typedef {import('./network.js').State} State */
/** @typedef {{letter: string, symbols: string, numbers: string, value: number}} Equation */

/** @param {Matrix} W @param {number} row @param {Float32Array} vector */
function dot(W, row, vector) {
  let sum = 0;
  for (let k = 0; k < W.columns; k++) sum += W.data[row * W.stride + k] * vector[k];
  return sum;
}

/** What the sums of one step of a cell are made of: W_i x_t, W_h h_{t-1} and b, by block of rows.
 * @param {Reading} reading @param {number} place @param {number} layer @param {number} cell */
function termsOf(reading, place, layer, cell) {
  const { network } = reading;
  const H = network.hidden;
  const { W_i, W_h, b } = network.weights.layers[layer];
  const [before, after] = [reading.states[place], reading.states[place + 1]];
  const x = layer === 0 ? network.embed(reading.ids[place]) : after.h.subarray((layer - 1) * H, layer * H);
  const h = before.h.subarray(layer * H, (layer + 1) * H);
  return {
    memory: network.memory(before)[layer * H + cell],
    input: (/** @type {number} */ block) => dot(W_i, block * H + cell, x),
    hidden: (/** @type {number} */ block) => dot(W_h, block * H + cell, h),
    bias: (/** @type {number} */ block) => b[block * H + cell],
  };
}

/** The equations of a cell for the character at a place that the model knows, in the order in which they are computed.
 * @param {Reading} reading @param {number} place @param {number} layer @param {number} cell @returns {Equation[]} */
export function equationsOf(reading, place, layer, cell) {
  const { network } = reading;
  const terms = termsOf(reading, place, layer, cell);
  const { memory } = terms;

  /** @param {string} letter @param {number} block @param {'σ' | 'tanh'} name @returns {Equation} */
  function activation(letter, block, name, plain = false) {
    const [input, hidden, bias] = [terms.input(block), terms.hidden(block), terms.bias(block)];
    const z = input + hidden + bias;
    const sub = plain ? '' : letter;
    return {
      letter,
      symbols: `${name}(W_i${sub} x_t + W_h${sub} h_t−1 + b${plain ? '' : `_${letter}`})`,
      numbers: `${name}(${signed(input)} ${signed(hidden)} ${signed(bias)}) = ${name}(${signed(z)})`,
      value: name === 'σ' ? sigmoid(z) : Math.tanh(z),
    };
  }

  if (network.cellType === 'rnn') return [activation('h', 0, 'tanh', true)];
  if (network.cellType === 'gru') {
    const [r, z] = [activation('r', 0, 'σ'), activation('z', 1, 'σ')];
    const [input, hidden, own, again] = [terms.input(2), terms.hidden(2), terms.bias(2), terms.bias(3)];
    const n = {
      letter: 'n',
      symbols: 'tanh(W_in x_t + b_in + r_t (W_hn h_t−1 + b_hn))',
      numbers: `tanh(${signed(input)} ${signed(own)} + ${decimal(r.value, 3)} · (${signed(hidden)} ${signed(again)}))`,
      value: Math.tanh(input + own + r.value * (hidden + again)),
    };
    return [r, z, n, {
      letter: 'h',
      symbols: '(1 − z_t) n_t + z_t h_t−1',
      numbers: `${decimal(1 - z.value, 3)} · ${signed(n.value, 3)} + ${decimal(z.value, 3)} · ${signed(memory, 3)}`,
      value: (1 - z.value) * n.value + z.value * memory,
    }];
  }
  const [i, f, g, o] = [activation('i', 0, 'σ'), activation('f', 1, 'σ'), activation('g', 2, 'tanh'), activation('o', 3, 'σ')];
  const c = f.value * memory + i.value * g.value;
  return [f, i, g, o, {
    letter: 'c',
    symbols: 'f_t c_t−1 + i_t g_t',
    numbers: `${decimal(f.value, 3)} · ${signed(memory, 3)} + ${decimal(i.value, 3)} · ${signed(g.value, 3)}`,
    value: c,
  }, {
    letter: 'h',
    symbols: 'o_t tanh(c_t)',
    numbers: `${decimal(o.value, 3)} · tanh(${signed(c, 3)}) = ${decimal(o.value, 3)} · ${signed(Math.tanh(c), 3)}`,
    value: o.value * Math.tanh(c),
  }];
}

/** @type {WeakMap<State, Map<string, Record<string, number>>>} by the state after the step, and by cell */
const known = new WeakMap();

/** The gates of one cell for the character at a place that the model knows, by letter: once for a state.
 * @param {Reading} reading @param {number} place @param {number} layer @param {number} cell */
function gatesAt(reading, place, layer, cell) {
  const state = reading.states[place + 1];
  const cells = known.get(state) ?? new Map();
  known.set(state, cells);
  const name = `${layer}:${cell}`;
  let gates = cells.get(name);
  if (!gates) {
    const { input, hidden, bias } = termsOf(reading, place, layer, cell);
    /** @type {Record<string, number>} */
    const found = {};
    [...GATES[reading.network.cellType]].forEach((letter, block) => {
      const z = input(block) + hidden(block) + bias(block);
      found[letter] = 'gn'.includes(letter) ? Math.tanh(z) : sigmoid(z);
    });
    cells.set(name, (gates = found));
  }
  return gates;
}

/** Some gates of one cell along a reading, no candidates: a list a gate, a number a character. They are computed from
 * the states that are kept, so that a reading need not keep every gate of every cell.
 * @param {Reading} reading @param {number} layer @param {number} cell @param {string[]} letters */
export function gatesAlong(reading, layer, cell, letters) {
  /** @type {number[][]} */
  const found = letters.map(() => []);
  for (let place = 0; place < reading.done; place++) {
    const gates = reading.ids[place] < 0 ? null : gatesAt(reading, place, layer, cell);
    letters.forEach((letter, n) => found[n].push(gates?.[letter] ?? 0));
  }
  return found;
}
