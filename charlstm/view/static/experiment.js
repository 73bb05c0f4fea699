// Holding a cell still, or giving it its value in the twin, and watching the ending.

import { decimal, element, signed } from './page_elements.js';

/** @typedef {'none' | 'hold' | 'patch'} Kind */
/** @typedef {'cue' | 'place'} From */

const STEPS = 200; // of the slider

export class Experiment {
  /** @param {HTMLElement} root @param {() => void} onChange */
  constructor(root, onChange) {
    /** @type {Kind} */
    this.kind = 'none';
    /** @type {From} */
    this.from = 'cue';
    /** @type {number?} null: midway between the two sentences */
    this.value = null;
    this.legend = element('legend', {}, 'Try it');
    this.slider = element('input', { type: 'range', 'aria-label': 'The value at which the cell is held' });
    this.output = element('output', {});
    this.where = element('select', { 'aria-label': 'From where on' }, new Option('from after the cue on', 'cue'), new Option('from the marked character on', 'place'));
    /** @type {Record<Kind, HTMLInputElement>} */
    this.radios = { none: this.radio('none'), hold: this.radio('hold'), patch: this.radio('patch') };
    this.patchLabel = element('label', { class: 'check' }, this.radios.patch, ' give it its value in the twin');
    root.replaceChildren(this.legend,
      element('div', { class: 'kinds' },
        element('label', { class: 'check' }, this.radios.none, ' leave it alone'),
        element('label', { class: 'check' }, this.radios.hold, ' hold it still'), this.patchLabel, this.where),
      element('div', { class: 'hold' }, this.slider, this.output));
    for (const [kind, radio] of Object.entries(this.radios))
      radio.addEventListener('change', () => {
        this.kind = /** @type {Kind} */ (kind);
        onChange();
      });
    this.slider.addEventListener('input', () => {
      this.value = Number(this.slider.value);
      this.kind = 'hold';
      onChange();
    });
    this.where.addEventListener('change', () => {
      this.from = /** @type {From} */ (this.where.value);
      this.value = null;
      onChange();
    });
  }

  /** @param {Kind} kind */
  radio(kind) {
    return element('input', { type: 'radio', name: 'experiment', value: kind });
  }

  /** @param {string} cell @param {number} most the largest value on the slider @param {number} midway
   * @param {boolean} hasTwin */
  draw(cell, most, midway, hasTwin) {
    if (!hasTwin && this.kind === 'patch') this.kind = 'none';
    this.legend.textContent = `What if cell ${cell} were otherwise?`;
    this.radios[this.kind].checked = true;
    this.patchLabel.hidden = !hasTwin;
    this.where.options[0].text = hasTwin ? 'from after the cue on' : 'from the first character on';
    this.slider.min = String(-most);
    this.slider.max = String(most);
    this.slider.step = String(most / STEPS);
    const value = this.value ?? midway;
    this.slider.value = String(value);
    const words = {
      none: hasTwin ? 'Hold it still, or exchange it, and watch the endings.' : 'Hold it still and watch what comes next.',
      hold: `held at ${signed(value)}${this.value === null && hasTwin ? ', midway between the two sentences' : ''}`,
      patch: 'once, after the cue, each sentence’s cell takes what it holds in the other',
    };
    this.output.textContent = words[this.kind];
    this.slider.setAttribute('aria-valuetext', decimal(value));
  }
}
