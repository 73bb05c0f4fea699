// What happens at one character: how surprising it was, what is expected next, the gates of the cell, its equations.

import { charactersOf, shownCharacter, shownText } from './characters.js';
import { equationsOf } from './equations.js';
import { bitsOf, likeliest } from './odds.js';
import { decimal, element, fill, percent, signed } from './page_elements.js';

/** @typedef {import('./reading.js').Reading} Reading */
/** @typedef {import('./characters.js').Vocabulary} Vocabulary */
/** @typedef {Record<string, {name: string, role: string}>} Parts */

const NEXT = 5;
const BEFORE = 22; // characters of the text that are shown

/** @param {string} symbols `W_if x_t` with its letters set low @returns {(Node | string)[]} */
function withSubscripts(symbols) {
  return symbols.split(/(_(?:t−1|\w+))/).map((part) => (part.startsWith('_') ? element('sub', {}, part.slice(1)) : part));
}

/** @param {string} label @param {number} value @param {string} figure @param {string} role @param {boolean} hasSign */
function meter(label, value, figure, role, hasSign) {
  const bar = element('span', { class: hasSign ? 'meter signed' : 'meter' }, element('span', { class: value < 0 ? 'fill low' : 'fill high' }));
  bar.style.setProperty('--value', String(Math.min(1, Math.abs(value))));
  return element('p', { class: 'gate' },
    element('span', { class: 'gate-name' }, label, element('span', { class: 'role' }, ` ${role}`)), bar,
    element('span', { class: 'figure' }, figure));
}

/** Draw what happens at a place of a reading. @param {HTMLElement} root @param {Reading} reading
 * @param {Vocabulary} vocabulary @param {string} text @param {number} place -1: before the first character
 * @param {{layer: number, cell: number, name: string}} chosen @param {Parts} parts */
export function drawInspector(root, reading, vocabulary, text, place, chosen, parts) {
  const count = place + 1;
  if (reading.done < count) return;
  const characters = charactersOf(text);
  const [head, here] = [shownText(characters.slice(Math.max(0, place - BEFORE), Math.max(0, place)).join('')), characters[place]];
  const where = element('p', { class: 'where' }, place > BEFORE ? '…' : '', element('bdi', {}, head),
    here === undefined ? element('mark', {}, 'start') : element('mark', {}, shownCharacter(here)));
  const known = place >= 0 && reading.ids[place] >= 0;
  const surprise = known ? `${decimal(bitsOf(reading.surprise(place)), 1)} bits` : '';
  const said = place < 0 ? 'Nothing was read yet.' : known ? `This character surprised the model by ${surprise}.` : 'The model does not know this character and leaves it out.';
  const rows = likeliest(reading.logP(count), NEXT).map(({ id, share }) => {
    const bar = element('span', { class: 'bar' }, element('span', { class: 'fill' }));
    bar.style.setProperty('--share', String(share));
    return element('li', {}, element('bdi', { class: 'next' }, shownCharacter(vocabulary.characters[id])), bar, element('span', { class: 'figure' }, percent(share)));
  });
  const equations = known ? equationsOf(reading, place, chosen.layer, chosen.cell) : [];
  const gates = equations.filter(({ letter }) => !'ch'.includes(letter));
  fill(root,
    element('h2', {}, place < 0 ? 'Before the first character' : `Character ${count} of ${characters.length}`),
    where,
    element('p', { class: 'surprise' }, said),
    element('h3', {}, 'What comes next'),
    element('ol', { class: 'nexts' }, ...rows),
    element('h3', {}, `Cell ${chosen.name} at this character`),
    ...gates.map(({ letter, value }) => {
      const hasSign = letter === 'g' || letter === 'n';
      return meter(parts[letter].name, value, hasSign ? signed(value) : decimal(value), parts[letter].role, hasSign);
    }),
    element('p', { class: 'memory' }, `${parts[reading.network.hasCellState ? 'c' : 'h'].name}: ${signed(reading.memory(count, chosen.layer, chosen.cell), 3)}`),
    equations.length ? element('h3', {}, equations.length === 1 ? 'Its equation, with the numbers' : `Its ${['', '', '', '', 'four', '', 'six'][equations.length]} equations, with the numbers`) : '',
    element('dl', { class: 'equations' }, ...equations.flatMap(({ letter, symbols, numbers, value }) => [
      element('dt', {}, element('var', {}, letter, element('sub', {}, 't')), ` ${parts[letter].name}`),
      element('dd', {}, element('span', { class: 'symbols' }, '= ', ...withSubscripts(symbols)), element('span', { class: 'numbers' }, `= ${numbers}`), element('span', { class: 'value' }, `= ${decimal(value, 3)}`)),
    ])),
  );
}
