// The two ways in which a sentence may end: where it is decided, and how likely each is.

import { charactersOf } from './characters.js';

/** @typedef {import('./characters.js').Vocabulary} Vocabulary */
/** @typedef {import('./reading.js').Reading} Reading */
/** @typedef {{at: number, rests: [string, string]}} Decision after how many characters, and what may follow */

/** How many characters two texts share at their beginning. @param {string[]} a @param {string[]} b */
export function sharedStart(a, b) {
  let k = 0;
  while (k < a.length && k < b.length && a[k] === b[k]) k++;
  return k;
}

/** The last place at which a text holds another, or -1. @param {string[]} text @param {string[]} part */
function lastPlace(text, part) {
  for (let start = text.length - part.length; start >= 0; start--)
    if (part.every((character, k) => text[start + k] === character)) return start;
  return -1;
}

/** Where a text decides between two words: after what they share, in the last of them that stands in it, or else at its
 * end. The endings go through the first character after the word that is no letter, as in the probe.
 * @param {string} text @param {[string, string]} words @returns {Decision} */
export function decision(text, words) {
  const characters = charactersOf(text);
  const [first, second] = words.map(charactersOf);
  const shared = sharedStart(first, second);
  const found = [first, second].map((word) => ({ word, start: lastPlace(characters, word) }));
  const { word, start } = found[0].start >= found[1].start ? found[0] : found[1];
  /** @type {(rest: string[], after: string) => string} */
  const ended = (rest, after) => rest.join('') + after;
  if (start >= 0) {
    const next = characters[start + word.length] ?? '';
    const after = next && !/\p{L}/u.test(next) ? next : ' ';
    return { at: start + shared, rests: [ended(first.slice(shared), after), ended(second.slice(shared), after)] };
  }
  let begun = Math.min(shared, characters.length); // a word that is being typed
  while (begun > 0 && !first.slice(0, begun).every((c, k) => characters[characters.length - begun + k] === c)) begun--;
  const space = begun === 0 && /[\p{L}\p{P}]/u.test(characters.at(-1) ?? '') ? ' ' : '';
  /** @type {[string, string]} */
  const rests = [space + ended(first.slice(begun), ' '), space + ended(second.slice(begun), ' ')];
  return { at: characters.length, rests };
}

/** @type {WeakMap<object, Map<string, number>>} by the state where it is decided */
const known = new WeakMap();

/** P(first) / (P(first) + P(second)) as the reading goes; null where the model cannot read them, or has not read so far.
 * @param {Reading} reading @param {Decision} decided @param {Vocabulary} vocabulary */
export function shareOfFirst(reading, decided, vocabulary) {
  const [first, second] = decided.rests.map((rest) => vocabulary.encode(rest));
  if (reading.done < decided.at || [...first, ...second].some((id) => id < 0) || !first.length || !second.length)
    return null;
  const state = reading.states[decided.at];
  const shares = known.get(state) ?? new Map();
  known.set(state, shares);
  const name = JSON.stringify([decided.rests, reading.heldAt(decided.at)]);
  if (!shares.has(name)) {
    shares.set(name, 1 / (1 + Math.exp(-reading.logOdds(decided.at, first, second))));
  }
  return shares.get(name) ?? null;
}
