// Choosing a cell: those that the probe judged, those that remember longest, or any, by its number.

import { MEANINGS, VERDICTS, cellName, figures, judgedOf } from './cell_words.js';
import { counted, decimal, element, fill } from './page_elements.js';

/** @typedef {import('./cell_words.js').CellRecord} CellRecord */
/** @typedef {import('./ordinary.js').Ordinary} Ordinary */
/** @typedef {'probe' | 'memory' | 'number'} Order */
/** @typedef {{root: HTMLElement, record: CellRecord?, ordinary: Ordinary, layers: number, hidden: number,
 *   choose: (layer: number, cell: number) => void}} ListSetting */

const LONGEST = 12;
const TITLES = { probe: 'By probe', memory: 'By memory', number: 'By number' };

export class CellList {
  /** @param {ListSetting} setting */
  constructor(setting) {
    this.setting = setting;
    /** @type {Order} */
    this.order = setting.record?.cells.length ? 'probe' : 'number';
    this.chosen = { layer: 0, cell: 0 };
    this.drawn = '';
    const tabs = element('div', { class: 'tabs', role: 'group', 'aria-label': 'How cells are listed' });
    /** @type {[Order, HTMLButtonElement][]} */
    this.tabs = Object.entries(TITLES).map(([order, title]) => {
      const button = element('button', { type: 'button' }, title);
      button.addEventListener('click', () => {
        this.order = /** @type {Order} */ (order);
        this.draw(true);
      });
      return [/** @type {Order} */ (order), button];
    });
    tabs.append(...this.tabs.map(([, button]) => button));
    this.list = element('div', { class: 'cell-list' });
    setting.root.replaceChildren(tabs, this.list);
  }

  /** @param {number} layer @param {number} cell @param {string} badge @param {string} line */
  row(layer, cell, badge, line) {
    const isChosen = layer === this.chosen.layer && cell === this.chosen.cell;
    const name = cellName(layer, cell);
    const row = element('button', { type: 'button', class: 'cell-row', 'aria-pressed': String(isChosen), 'data-key': name },
      element('span', { class: 'cell-name' }, name), element('span', { class: 'badge' }, badge), element('span', { class: 'line' }, line));
    row.addEventListener('click', () => this.setting.choose(layer, cell));
    return row;
  }

  /** Draw again what has changed. @param {boolean} anyway */
  draw(anyway = false) {
    const { ordinary } = this.setting;
    const state = [this.order, this.chosen.layer, this.chosen.cell, this.order === 'memory' ? Math.floor(ordinary.read / 200) : 0].join();
    if (state === this.drawn && !anyway) return;
    this.drawn = state;
    for (const [order, button] of this.tabs) button.setAttribute('aria-pressed', String(order === this.order));
    const content = { probe: () => this.byProbe(), memory: () => this.byMemory(), number: () => this.byNumber() }[this.order]();
    fill(this.list, ...content);
  }

  byProbe() {
    const { record } = this.setting;
    if (!record)
      return [element('p', {}, 'Nobody has measured what the cells of this model stand for. To have it measured, and write this page again:'),
        element('pre', { class: 'command' }, 'charlstm probe -c MODEL\ncharlstm view -c MODEL')];
    if (!record.cells.length) return [element('p', {}, `charlstm probe reported no cell (${record.items}).`)];
    const verdicts = [...new Set(record.cells.map(({ verdict }) => verdict))];
    return [
      ...record.cells.map((one) => this.row(one.layer, one.cell, one.verdict, figures(one))),
      element('details', {}, element('summary', { 'data-key': 'meaning' }, 'What these words mean'),
        element('dl', { class: 'meanings' }, ...[...verdicts.map((verdict) => [verdict, VERDICTS[verdict] ?? '']), ...MEANINGS].flatMap(([word, meaning]) => [
          element('dt', {}, word), element('dd', {}, meaning)])),
        element('p', { class: 'note' }, `Measured by charlstm probe with ${record.items}: ${record.classes.join(' against ')}.`)),
    ];
  }

  byMemory() {
    const { ordinary, hidden, record } = this.setting;
    if (!ordinary.keepGate) return [element('p', {}, 'These cells have no gate that says what is kept, so no half-life can be told.')];
    if (ordinary.read < 200) return [element('p', {}, 'Ordinary text is being read; a moment.')];
    const lives = Array.from({ length: ordinary.cells }, (_, cell) => ({ cell, life: ordinary.halfLife(cell) })).sort((a, b) => b.life - a.life);
    return [
      element('p', { class: 'note' }, `Half of what these cells hold is left after so many characters; over ${counted(ordinary.read)} characters of ordinary text.`),
      ...lives.slice(0, LONGEST).map(({ cell, life }) => {
        const [layer, number] = [Math.floor(cell / hidden), cell % hidden];
        const judged = judgedOf(record, layer, number);
        return this.row(layer, number, judged?.verdict ?? '', `${life > 9999 ? 'over 9,999' : life >= 10 ? counted(life) : decimal(life, 1)} characters`);
      }),
    ];
  }

  byNumber() {
    const { layers, hidden, choose } = this.setting;
    const { layer, cell } = this.chosen;
    const layerBox = element('input', { type: 'number', min: '1', max: String(layers), value: String(layer + 1), 'data-key': 'layer' });
    const cellBox = element('input', { type: 'number', min: '0', max: String(hidden - 1), value: String(cell), 'data-key': 'cell' });
    const go = () => {
      const [a, b] = [layerBox, cellBox].map((box) => Math.round(Number(box.value)));
      if (a >= 1 && a <= layers && b >= 0 && b < hidden) choose(a - 1, b);
    };
    for (const box of [layerBox, cellBox]) box.addEventListener('change', go);
    const step = (/** @type {number} */ by, /** @type {string} */ name, /** @type {string} */ sign) => {
      const button = element('button', { type: 'button', 'aria-label': name, 'data-key': name }, sign);
      button.addEventListener('click', () => {
        const next = (layer * hidden + cell + by + layers * hidden) % (layers * hidden);
        choose(Math.floor(next / hidden), next % hidden);
      });
      return button;
    };
    return [element('div', { class: 'by-number' },
      element('label', {}, 'Layer ', layerBox), element('label', {}, 'Cell ', cellBox),
      step(-1, 'Previous cell', '←'), step(1, 'Next cell', '→')),
    element('p', { class: 'note' }, `Layers 1 to ${layers}, cells 0 to ${hidden - 1}.`)];
  }
}
