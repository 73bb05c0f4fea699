// Ordinary text that is read in the background: what every cell remembers at every character of it.

import { charactersOf } from './characters.js';

/** @typedef {import('./network.js').Network} Network */

const SMALLEST = 1e-12; // a gate that lets less through counts as this

export class Ordinary {
  /** @param {Network} network @param {string[]} passages @param {(text: string) => number[]} encode
   * @param {string} keepGate the letter of the gate that keeps; '' without one */
  constructor(network, passages, encode, keepGate) {
    this.network = network;
    this.keepGate = keepGate;
    this.cells = network.depth * network.hidden;
    /** @type {{character: string, id: number, passage: number}[]} */
    this.places = passages.flatMap((text, passage) => {
      const ids = encode(text);
      return charactersOf(text).map((character, k) => ({ character, id: ids[k], passage }));
    });
    this.places = this.places.filter(({ id }) => id >= 0);
    this.read = 0;
    this.milliseconds = 0;
    this.values = new Float32Array(0); // made when reading begins
    this.sum = new Float64Array(this.cells);
    this.squares = new Float64Array(this.cells);
    this.letGo = new Float64Array(this.cells); // sums of -ln of the gate that keeps
    this.state = network.zeroState();
  }

  get isDone() {
    return this.read === this.places.length;
  }

  /** Read on until all is read or it is time to stop. @param {number} deadline */
  advance(deadline) {
    const { network, cells } = this;
    if (this.values.length === 0) this.values = new Float32Array(this.places.length * cells);
    const begun = performance.now();
    while (!this.isDone) {
      const { id, passage } = this.places[this.read];
      if (this.read === 0 || this.places[this.read - 1].passage !== passage) this.state = network.zeroState();
      network.step(id, this.state);
      const memory = network.memory(this.state);
      this.values.set(memory, this.read * cells);
      for (let k = 0; k < cells; k++) {
        this.sum[k] += memory[k];
        this.squares[k] += memory[k] * memory[k];
      }
      if (this.keepGate)
        network.gates.forEach((gates, layer) => {
          const kept = gates[this.keepGate];
          for (let k = 0; k < kept.length; k++)
            this.letGo[layer * network.hidden + k] -= Math.log(Math.max(kept[k], SMALLEST));
        });
      this.read++;
      if (performance.now() > deadline) break;
    }
    this.milliseconds += performance.now() - begun;
    return this.isDone;
  }

  /** Characters a second, as far as it was read. */
  get speed() {
    return (1000 * this.read) / this.milliseconds;
  }

  /** The mean of a cell, and how far it strays from it. @param {number} cell counted over all layers */
  spread(cell) {
    const mean = this.sum[cell] / this.read;
    return { mean, deviation: Math.sqrt(Math.max(this.squares[cell] / this.read - mean * mean, 1e-12)) };
  }

  /** After how many characters half of what a cell holds is gone. @param {number} cell */
  halfLife(cell) {
    return (Math.LN2 * this.read) / this.letGo[cell];
  }

  /** A cell at all places that were read. @param {number} cell @returns {Float32Array} */
  along(cell) {
    return Float32Array.from({ length: this.read }, (_, place) => this.values[place * this.cells + cell]);
  }

  /** The places around one, in its passage. @param {number} place @param {number} before @param {number} after */
  around(place, before, after) {
    const { passage } = this.places[place];
    let start = place;
    while (start > 0 && place - start < before && this.places[start - 1].passage === passage) start--;
    let end = place + 1;
    while (end < this.read && end - place < after && this.places[end].passage === passage) end++;
    return { start, end };
  }

  /** @param {number} start @param {number} end */
  text(start, end) {
    return this.places.slice(start, end).map(({ character }) => character);
  }
}
