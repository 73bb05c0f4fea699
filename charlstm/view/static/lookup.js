// Searches in ordinary text: where a cell is highest and lowest, which cells go with a stretch, where else they do.

/** @typedef {import('./ordinary.js').Ordinary} Ordinary */
/** @typedef {{cell: number, inside: number, outside: number, sign: number}} Match */

const APART = 30; // characters between two finds
export const ON = 1; // a cell is on where it strays so many deviations from its mean on ordinary text

/** The places where a cell is highest, or lowest, apart from each other. @param {Float32Array} values
 * @param {number} sign @param {number} count */
export function extremes(values, sign, count) {
  const order = Array.from(values.keys()).sort((a, b) => sign * (values[b] - values[a]));
  /** @type {number[]} */
  const found = [];
  for (const place of order) {
    if (found.every((other) => Math.abs(other - place) > APART)) found.push(place);
    if (found.length === count) break;
  }
  return found;
}

/** How often a cell has each value. @param {Float32Array} values @param {number} bins */
export function histogram(values, bins) {
  const low = values.reduce((a, b) => Math.min(a, b), Infinity);
  const high = values.reduce((a, b) => Math.max(a, b), -Infinity);
  const counts = new Array(bins).fill(0);
  for (const value of values) counts[Math.min(bins - 1, Math.floor((bins * (value - low)) / (high - low || 1)))]++;
  return { low, high, counts };
}

/** The cells that are on, to one side, all along a stretch and off elsewhere, the best first.
 * @param {Ordinary} ordinary @param {(place: number) => Float32Array} memoryAt all cells after each character of a text
 * @param {number} length of the text @param {number} start @param {number} end of the stretch @param {number} count */
export function cellsOfStretch(ordinary, memoryAt, length, start, end, count) {
  const memories = Array.from({ length }, (_, place) => memoryAt(place));
  /** @type {Match[]} */
  const matches = [];
  for (let cell = 0; cell < ordinary.cells; cell++) {
    const { mean, deviation } = ordinary.spread(cell);
    let sum = 0;
    for (let place = start; place < end; place++) sum += memories[place][cell] - mean;
    const sign = sum < 0 ? -1 : 1;
    let inside = 0;
    let outside = 0;
    for (let place = 0; place < length; place++) {
      if (sign * (memories[place][cell] - mean) < ON * deviation) continue;
      if (place >= start && place < end) inside++;
      else outside++;
    }
    matches.push({ cell, inside: inside / (end - start), outside: outside / Math.max(1, length - end + start), sign });
  }
  return matches.sort((a, b) => b.inside - b.outside - (a.inside - a.outside)).slice(0, count);
}

/** Stretches of ordinary text in which most of some cells are on, the best first.
 * @param {Ordinary} ordinary @param {Match[]} matches @param {number} length of the stretches @param {number} count */
export function stretchesLike(ordinary, matches, length, count) {
  const limits = matches.map(({ cell, sign }) => ({ cell, sign, ...ordinary.spread(cell) }));
  const on = Float32Array.from({ length: ordinary.read }, (_, place) => {
    const at = place * ordinary.cells;
    const are = limits.filter(
      ({ cell, sign, mean, deviation }) => sign * (ordinary.values[at + cell] - mean) >= ON * deviation,
    );
    return are.length / limits.length;
  });
  const width = Math.min(Math.max(1, length), on.length);
  const sums = new Float32Array(Math.max(0, on.length - width + 1));
  let sum = 0;
  for (let place = 0; place < on.length; place++) {
    sum += on[place];
    if (place >= width) sum -= on[place - width];
    if (place >= width - 1) {
      const start = place - width + 1;
      const whole = ordinary.places[start].passage === ordinary.places[place].passage;
      sums[start] = whole ? sum / width : 0;
    }
  }
  return extremes(sums, 1, count)
    .filter((start) => sums[start] > 0)
    .map((start) => ({ start, end: start + width, share: sums[start] }));
}
