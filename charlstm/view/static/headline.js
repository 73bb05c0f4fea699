// In words: what the cell remembers, since when, and how sure the model is.

import { cellName, figures, heldSince, judgedOf, wordAt } from './cell_words.js';
import { element, percent, signed } from './page_elements.js';
import { shownText } from './characters.js';

/** @typedef {import('./cell_words.js').CellRecord} CellRecord */
/** @typedef {{text: string, count: number, memory: (count: number) => number, share: number?}} Told of a sentence or its
 *   twin: what was read where it decides, the cell there, and the share of the first ending */

const CLAIMED = ['tracks and used', 'used', 'tracks'];

/** @param {CellRecord} record @param {number} sign @param {number} side of the middle */
const classOf = (record, sign, side) => record.classes[side * sign > 0 ? 0 : 1];

/** Title, line below it, and what it rests on. @param {CellRecord?} record @param {number} layer @param {number} cell
 * @param {Told[]} told the sentence, then its twin @param {[string, string]} words @param {number} middle
 * @param {'none' | 'hold' | 'patch'} done to the cell */
export function headline(record, layer, cell, told, words, middle, done) {
  const name = cellName(layer, cell);
  const judged = judgedOf(record, layer, cell);
  const [first, second] = told;
  const since = told.map(({ text, count, memory }) => {
    const start = heldSince(memory, count, middle);
    const word = wordAt(text, start - 1);
    return { distance: count - start, word: shownText(word) };
  });
  const sides = told.map(({ memory, count }) => memory(count) - middle);
  const sure = told.map(({ share }, k) => {
    if (share === null || !words[0]) return '';
    const likelier = share >= 0.5 ? words[0] : words[1];
    return `${k ? 'the twin' : 'the model'} expects ${likelier} (${percent(Math.max(share, 1 - share))})`;
  });
  /** @type {(Node | string)[]} */
  let title = [`Cell ${name} holds ${signed(first.memory(first.count))}`];
  if (record && judged && CLAIMED.includes(judged.verdict)) {
    const mark = (/** @type {number} */ side) => element('em', { class: side > 0 ? 'high' : 'low' }, classOf(record, judged.sign, side));
    const says = { none: 'remembers', hold: ', held still, says', patch: ', exchanged, says' }[done];
    title = [`Cell ${name}${done === 'none' ? ' ' : ''}${says}: `, mark(sides[0]), '.'];
    if (second && sides[1] * sides[0] < 0) title.splice(2, 1, '; in the twin, ', mark(sides[1]), '.');
  } else if (judged) title = [`Cell ${name} holds ${signed(first.memory(first.count))}: “${judged.verdict}”.`];
  const { distance, word } = since[0];
  const when = distance < 1 ? 'It has just changed' : `It has held this for ${distance} character${distance === 1 ? '' : 's'}${word ? `, since “${word}”` : ''}`;
  const rest = sure.filter(Boolean);
  const line = `${when}${rest.length ? `; ${rest.join(', ')}` : ''}.`;
  const basis = judged && record
    ? `Measured by charlstm probe (${record.items}): ${judged.verdict}; ${figures(judged)}.`
    : record ? 'The probe did not report this cell: what it stands for, nobody has measured.'
      : 'What this cell stands for, nobody has measured: run charlstm probe on this model, and write the page again.';
  return { title, line, basis };
}
