// What was found in ordinary text, drawn: where a cell is high and low, its histogram, stretches like the one selected.

import { cellName } from './cell_words.js';
import { shownText } from './characters.js';
import { amountOf, paint } from './colours.js';
import { ON, cellsOfStretch, extremes, histogram, stretchesLike } from './lookup.js';
import { counted, decimal, element, fill, percent, signed } from './page_elements.js';

/** @typedef {import('./ordinary.js').Ordinary} Ordinary */
/** @typedef {import('./reading.js').Reading} Reading */

const FINDS = 4;
const BINS = 31;
const AROUND = 40; // characters on either side of a find
const CELLS = 8;
const JOINT = 4; // so many of them are looked for together
const SVG = 'http://www.w3.org/2000/svg';

/** A stretch of ordinary text, coloured by a cell, what was found in it marked. @param {Ordinary} ordinary
 * @param {number} cell @param {number} first @param {number} last @param {string} figure */
function stretchLine(ordinary, cell, first, last, figure) {
  const start = ordinary.around(first, AROUND, 1).start;
  const end = ordinary.around(last - 1, 1, AROUND).end;
  const line = element('bdi', { class: 'found-text' });
  ordinary.text(start, end).forEach((character, k) => {
    const place = start + k;
    const span = element('span', { class: place >= first && place < last ? 'c hit' : 'c' }, shownText(character));
    paint(span, amountOf(ordinary.values[place * ordinary.cells + cell], ordinary.network.hasCellState));
    line.append(span);
  });
  return element('li', {}, line, element('span', { class: 'figure' }, figure));
}

/** @param {Float32Array} values */
function drawHistogram(values) {
  const { low, high, counts } = histogram(values, BINS);
  const most = Math.max(...counts);
  const svg = document.createElementNS(SVG, 'svg');
  svg.setAttribute('viewBox', `0 0 ${BINS * 10} 60`);
  svg.setAttribute('class', 'histogram');
  svg.setAttribute('role', 'img');
  svg.setAttribute('aria-label', `Histogram of the cell from ${decimal(low)} to ${decimal(high)}`);
  counts.forEach((count, k) => {
    const bar = document.createElementNS(SVG, 'rect');
    const height = Math.max(count ? 1 : 0, 58 * Math.sqrt(count / most)); // so that rare values show
    const value = low + ((k + 0.5) / BINS) * (high - low);
    for (const [name, number] of Object.entries({ x: k * 10 + 1, y: 60 - height, width: 8, height })) bar.setAttribute(name, String(number));
    bar.setAttribute('class', value < 0 ? 'low' : 'high');
    svg.append(bar);
  });
  return element('figure', { class: 'spread' }, svg,
    element('figcaption', {}, element('span', {}, signed(low, 1)), element('span', {}, 'how often each value occurs (root scale)'), element('span', {}, signed(high, 1))));
}

/** How far the reading of ordinary text is, where it is not done. @param {Ordinary} ordinary */
function progress(ordinary) {
  const bar = element('progress', { max: ordinary.places.length, value: ordinary.read, 'aria-label': 'Ordinary text read' });
  return element('p', { class: 'note' }, bar, ` ${counted(ordinary.read)} of ${counted(ordinary.places.length)} characters of ordinary text are read.`);
}

/** @param {HTMLElement} root @param {Ordinary} ordinary @param {number} layer @param {number} cell @param {string} source */
export function drawLookup(root, ordinary, layer, cell, source) {
  if (ordinary.read < Math.min(100, ordinary.places.length)) return fill(root, progress(ordinary));
  const number = layer * ordinary.network.hidden + cell;
  const values = ordinary.along(number);
  const list = (/** @type {number} */ sign) => extremes(values, sign, FINDS).map((place) => stretchLine(ordinary, number, place, place + 1, signed(values[place])));
  return fill(root, drawHistogram(values),
    element('h3', {}, 'Highest'), element('ol', { class: 'finds' }, ...list(1)),
    element('h3', {}, 'Lowest'), element('ol', { class: 'finds' }, ...list(-1)),
    ordinary.isDone ? element('p', { class: 'note' }, `In ${source}.`) : progress(ordinary));
}

/** @param {HTMLElement} root @param {Ordinary} ordinary @param {Reading} reading @param {[number, number]?} selected
 * @param {string} text that is selected @param {(layer: number, cell: number) => void} choose */
export function drawStretch(root, ordinary, reading, selected, text, choose) {
  if (!selected) return fill(root, element('p', { class: 'note' }, 'Select some characters of the sentence, with the mouse or with Shift and the arrow keys: here stand the cells that are on there and off elsewhere, and where else they are.'));
  if (ordinary.read < Math.min(200, ordinary.places.length)) return fill(root, progress(ordinary));
  const [start, end] = selected;
  const { network } = reading;
  const matches = cellsOfStretch(ordinary, (place) => network.memory(reading.states[place + 1]), reading.done, start, Math.min(end, reading.done), CELLS);
  const like = stretchesLike(ordinary, matches.slice(0, JOINT), end - start, FINDS);
  const rows = matches.map(({ cell, inside, outside }) => {
    const [layer, number] = [Math.floor(cell / network.hidden), cell % network.hidden];
    const name = cellName(layer, number);
    const row = element('button', { type: 'button', class: 'cell-row', 'data-key': `stretch ${name}` },
      element('span', { class: 'cell-name' }, name), element('span', { class: 'line' }, `on at ${percent(inside)} of the stretch, ${percent(outside)} elsewhere`));
    row.addEventListener('click', () => choose(layer, number));
    return row;
  });
  return fill(root,
    element('p', {}, 'Cells that are on in ', element('q', {}, element('bdi', {}, shownText(text))), ' and off elsewhere:'),
    element('div', { class: 'cell-list' }, ...rows),
    element('h3', {}, `Where the first ${Math.min(JOINT, matches.length)} are on together`),
    like.length ? element('ol', { class: 'finds' }, ...like.map(({ start: from, end: to, share }) => stretchLine(ordinary, matches[0].cell, from, to, percent(share)))) : element('p', {}, 'Nowhere in the ordinary text.'),
    element('p', { class: 'note' }, `On: at least ${ON} deviation from the cell’s mean on ordinary text, to the side on which it is in the stretch.`),
    ordinary.isDone ? '' : progress(ordinary));
}
