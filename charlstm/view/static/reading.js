// A text that a network reads: the state after every character is kept, so that an edit costs only what follows it.

import { logSoftmax } from './odds.js';

/** @typedef {import('./network.js').Network} Network */
/** @typedef {import('./network.js').State} State */
/**
 * What is done to one cell. `hold`: from the character before `from` on, its memory stays at a value. `patch`: once,
 * after `from` characters, it takes its cell state and its hidden state in another reading.
 * @typedef {{kind: 'hold' | 'patch', layer: number, cell: number, from: number, value: number, shown: number}} Change
 */

/** @param {Change?} a @param {Change?} b */
const sameChange = (a, b) => JSON.stringify(a) === JSON.stringify(b);

export class Reading {
  /** @param {Network} network @param {State} start the state before the first character */
  constructor(network, start) {
    this.network = network;
    /** @type {number[]} -1 where the model does not know the character: it is left out */
    this.ids = [];
    /** @type {State[]} after 0, 1, 2, ... characters; none of them is ever changed */
    this.states = [start];
    /** @type {Float32Array[]} log-probabilities of what follows, by the same places */
    this.logPs = [];
    /** @type {Change?} */
    this.change = null;
  }

  /** How many characters were read. */
  get done() {
    return this.states.length - 1;
  }

  get isDone() {
    return this.done === this.ids.length;
  }

  /** Read this text from now on; what it has in common with the one before is kept. @param {number[]} ids */
  setIds(ids) {
    let same = 0;
    while (same < ids.length && same < this.ids.length && ids[same] === this.ids[same]) same++;
    this.ids = ids.slice();
    this.forget(same);
  }

  /** Forget what was read after so many characters. @param {number} count */
  forget(count) {
    this.states.length = Math.min(this.states.length, count + 1);
    this.logPs.length = Math.min(this.logPs.length, count + 1);
  }

  /** Read what another reading reads, with a change; what it has read before the change is taken over.
   * @param {Reading} other @param {Change} change */
  follow(other, change) {
    const before = change.kind === 'hold' ? change.from - 1 : change.from;
    if (!sameChange(change, this.change)) this.forget(0);
    this.change = change;
    this.setIds(other.ids);
    const shared = Math.min(Math.max(before, 0), other.done);
    for (let k = 0; k <= shared; k++) {
      this.states[k] = other.states[k];
      if (other.logPs[k]) this.logPs[k] = other.logPs[k];
    }
    if (change.kind === 'patch' && other.done >= change.from && shared === change.from) this.patch(change);
  }

  /** @param {Change} change */
  patch({ layer, cell, from, value, shown }) {
    const { network } = this;
    const state = network.copy(this.states[from]);
    const place = layer * network.hidden + cell;
    if (network.hasCellState) state.c[place] = value;
    state.h[place] = network.hasCellState ? shown : value;
    this.states[from] = state;
    delete this.logPs[from];
  }

  /** The cell that is held while the character at a place is read. @param {number} place */
  heldAt(place) {
    const { change } = this;
    return change?.kind === 'hold' && place >= change.from - 1 ? change : null;
  }

  /** Read on until all is read or it is time to stop. @param {number} deadline @returns {boolean} whether all is read */
  advance(deadline) {
    while (!this.isDone) {
      const place = this.done;
      const id = this.ids[place];
      if (id < 0) this.states.push(this.states[place]);
      else {
        const state = this.network.copy(this.states[place]);
        this.network.step(id, state, this.heldAt(place));
        this.states.push(state);
      }
      if (performance.now() > deadline) break;
    }
    return this.isDone;
  }

  /** Log-probabilities of what follows after so many characters. @param {number} count */
  logP(count) {
    return (this.logPs[count] ??= logSoftmax(this.network.logits(this.states[count])));
  }

  /** What a cell remembers after so many characters. @param {number} count @param {number} layer
   * @param {number} cell */
  memory(count, layer, cell) {
    return this.network.memory(this.states[count])[layer * this.network.hidden + cell];
  }

  /** How surprising the character at a place was, in nats; NaN where the model does not know it.
   * @param {number} place */
  surprise(place) {
    return this.ids[place] < 0 ? NaN : -this.logP(place)[this.ids[place]];
  }

  /** How much likelier one text is than another after so many characters: log P(first) - log P(second), in nats. What they
   * begin with alike is read once. @param {number} count @param {number[]} first @param {number[]} second */
  logOdds(count, first, second) {
    let shared = 0;
    while (shared < Math.min(first.length, second.length) - 1 && first[shared] === second[shared]) shared++;
    const state = this.network.copy(this.states[count]);
    for (let k = 0; k < shared; k++) this.network.step(first[k], state, this.heldAt(count + k));
    const [a, b] = [first, second].map((ids) => this.logPFrom(state, count + shared, ids.slice(shared)));
    return a - b;
  }

  /** The log-probability of a text from a state on. @param {State} start @param {number} count of characters before it
   * @param {number[]} ids */
  logPFrom(start, count, ids) {
    const state = this.network.copy(start);
    let total = 0;
    ids.forEach((id, k) => {
      total += logSoftmax(this.network.logits(state))[id];
      if (k < ids.length - 1) this.network.step(id, state, this.heldAt(count + k));
    });
    return total;
  }
}
