// A sentence and its twin: they differ in what bears the feature and in the word that agrees, and share what lies between.

import { charactersOf } from './characters.js';

/** @typedef {{at: [number, number], cueEnd: [number, number], cueRead: [number, number]}} Alignment of the two texts, in
 * characters: where each decides, where the cue ends, and how many are read when the network knows the cue. */

/** How two texts lie beside each other. @param {[string, string]} texts @param {[number, number]} at where each decides
 * @param {number} cueEnd where the cue ends in the first, if that is known; 0: where the texts stop differing
 * @returns {Alignment} */
export function align(texts, at, cueEnd) {
  const [first, second] = texts.map((text, side) => charactersOf(text).slice(0, at[side]).reverse());
  let shared = 0;
  while (shared < first.length && shared < second.length && first[shared] === second[shared]) shared++;
  const differs = at[0] - shared;
  const end = cueEnd >= differs && cueEnd < at[0] ? cueEnd : differs;
  // A word has ended when the character after it is no letter (as in charlstm/probe/stimuli.py).
  const known = end < at[0] && !/[\p{L}\p{N}]/u.test(charactersOf(texts[0])[end]) ? end + 1 : end;
  const both = (/** @type {number} */ place) => /** @type {[number, number]} */ ([place, Math.max(0, place + at[1] - at[0])]);
  return { at, cueEnd: both(end), cueRead: both(known) };
}

/** The other text after an edit of one, where the edit lies in what they share; else as it was.
 * @param {string} before @param {string} after @param {string} other
 * @param {[number, number]} at where the edited text and the other one decide (before the edit)
 * @param {number} cueEnd of the edited one */
export function mirrored(before, after, other, at, cueEnd) {
  const [old, now, mirror] = [before, after, other].map(charactersOf);
  let start = 0;
  while (start < old.length && start < now.length && old[start] === now[start]) start++;
  let end = 0;
  while (end < Math.min(old.length, now.length) - start && old.at(-1 - end) === now.at(-1 - end)) end++;
  const shift = at[1] - at[0];
  if (start < cueEnd || old.length - end > at[0]) return other;
  return [
    ...mirror.slice(0, start + shift),
    ...now.slice(start, now.length - end),
    ...mirror.slice(old.length - end + shift),
  ].join('');
}
