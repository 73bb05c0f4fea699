// What may be said of a cell: what `charlstm probe` measured, and no more.

import { charactersOf } from './characters.js';
import { decimal, percent } from './page_elements.js';

/** @typedef {{layer: number, cell: number, sign: number, verdict: string, hold: number[], moved: number[]?, flip: number?}} Judged */
/** @typedef {{items: string, classes: [string, string], cells: Judged[]}} CellRecord */

/** @type {Record<string, string>} */
export const VERDICTS = {
  'tracks and used':
    'It holds the feature from the word that bears it to the ending, on sentences that did not choose it and past a noun of the other class, better than cells of networks that learnt nothing; and when it alone is given its value in the twin, the answer moves towards the twin’s.',
  used: 'When it alone is given its value in the twin, the answer moves towards the twin’s, farther than with other cells. It holds the feature, too, but networks that learnt nothing have cells that hold as well.',
  tracks: 'It holds the feature from the word that bears it to the ending, but the answer does not hang on this cell alone.',
  'short-range': 'It holds the feature at first, and has lost it before the ending.',
  'cue only': 'It shows the feature at the word that bears it, and no longer.',
  none: 'The probe looked at it and found nothing that may be claimed.',
};
export const MEANINGS = [
  ['hold', 'How well its value tells the two classes apart at the worst of four places between the word that bears the feature and the ending: 1 always, 0.5 by chance. In brackets: the 95 % interval.'],
  ['moved', 'How far the odds of the ending go towards the twin’s when this cell alone takes its value in the twin: 0 not at all, 1 all the way.'],
  ['flips', 'How many choices between the two endings change then.'],
];

/** `layer:cell`, as a person writes it: layers count from 1. @param {number} layer @param {number} cell */
export const cellName = (layer, cell) => `${layer + 1}:${cell}`;

/** What the record says of a cell, if anything. @param {CellRecord?} record @param {number} layer @param {number} cell */
export const judgedOf = (record, layer, cell) =>
  record?.cells.find((one) => one.layer === layer && one.cell === cell) ?? null;

/** @param {number[]} estimate */
export const interval = ([value, low, high]) =>
  low === undefined ? decimal(value) : `${decimal(value)} [${decimal(low)}, ${decimal(high)}]`;

/** The figures of a judged cell in a line. @param {Judged} judged */
export function figures(judged) {
  const parts = [`hold ${interval(judged.hold)}`];
  if (judged.moved) parts.push(`moved ${interval(judged.moved)}`);
  if (judged.flip !== null) parts.push(`flips ${percent(judged.flip)}`);
  return parts.join(' · ');
}

/** Since which character a cell has held what it holds after `count` of them: it has been on one side of `middle` since,
 * at more than 70 % of this distance. @param {(count: number) => number} memory @param {number} count
 * @param {number} middle */
export function heldSince(memory, count, middle) {
  const now = memory(count) - middle;
  let since = count;
  while (since > 1 && (memory(since - 1) - middle) * Math.sign(now) >= 0.7 * Math.abs(now)) since--;
  return since;
}

/** The word that ends at a place or runs over it. @param {string} text @param {number} place */
export function wordAt(text, place) {
  const characters = charactersOf(text);
  const inWord = (/** @type {string | undefined} */ c) => c !== undefined && /[\p{L}\p{M}\p{N}'’-]/u.test(c);
  let start = place;
  if (!inWord(characters[start])) start--; // the space after it
  if (!inWord(characters[start])) return '';
  let end = start + 1;
  while (start > 0 && inWord(characters[start - 1])) start--;
  while (inWord(characters[end])) end++;
  return characters.slice(start, end).join('');
}
