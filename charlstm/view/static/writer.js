// The model goes on with the text, character by character.

import { draw, randomNumbers } from './odds.js';
import { decimal, element } from './page_elements.js';

/** @typedef {import('./reading.js').Reading} Reading */
/** @typedef {import('./characters.js').Vocabulary} Vocabulary */

const LENGTH = 120; // characters, at a time
const PAUSE = 16; // milliseconds between characters, where motion is welcome

export class Writer {
  /** @param {HTMLElement} root @param {{vocabulary: Vocabulary, reading: () => Reading, write: (text: string) => void,
   *   text: () => string, most: number}} setting */
  constructor(root, setting) {
    this.setting = setting;
    this.writing = false;
    this.heat = element('input', { type: 'range', min: '0', max: '1.5', step: '0.05', value: '0.5', id: 'temperature' });
    this.heatShown = element('output', {}, '0.50');
    this.seed = element('input', { type: 'number', min: '0', max: '999999', value: '1', id: 'seed' });
    this.button = element('button', { type: 'button', id: 'write', class: 'main-button' }, 'Write on');
    this.heat.addEventListener('input', () => (this.heatShown.textContent = decimal(Number(this.heat.value))));
    this.button.addEventListener('click', () => (this.writing ? this.stop() : void this.start()));
    root.replaceChildren(
      element('p', { class: 'note' }, `The model goes on with the sentence, ${LENGTH} characters at a time.`),
      element('label', { class: 'slider' }, 'Temperature ', this.heat, this.heatShown),
      element('p', { class: 'note' }, 'Low: safe and dull. High: bold and wrong. 0: always the likeliest character.'),
      element('label', {}, 'Seed ', this.seed), ' ', this.button);
  }

  stop() {
    this.writing = false;
    this.button.textContent = 'Write on';
  }

  async start() {
    const { vocabulary, reading, write, text, most } = this.setting;
    this.writing = true;
    this.button.textContent = 'Stop';
    const random = randomNumbers(Number(this.seed.value));
    const still = matchMedia('(prefers-reduced-motion: reduce)').matches;
    let written = text();
    for (let k = 0; k < LENGTH && this.writing && [...written].length < most; k++) {
      const now = reading();
      now.advance(Infinity);
      written += vocabulary.characters[draw(now.logP(now.done), Number(this.heat.value), random())];
      if (still) now.setIds(vocabulary.encode(written));
      else {
        write(written);
        await new Promise((resolve) => setTimeout(resolve, PAUSE));
        if (text() !== written) break; // somebody else is writing
      }
    }
    if (still) write(written);
    this.seed.value = String((Number(this.seed.value) + 1) % 1000000); // the next press writes something else
    this.stop();
  }
}
