// A text that is typed, coloured by a cell: a textarea, and behind it the same characters with their colours.

import { charactersOf } from './characters.js';
import { paint } from './colours.js';
import { decimal, element, percent } from './page_elements.js';

/** @typedef {{amounts: number[], gates: (number[])[], unknown: boolean[], marked: number, selected: [number, number]?}} Look */
/** @typedef {{word: string, share: number, before: number?}} Odds */
/** @typedef {{onEdit: (text: string) => void, onPlace: (place: number, kind: 'caret' | 'hover' | 'leave') => void,
 *   onSelect: (start: number, end: number) => void}} Listeners places count characters, from 0; -1 is none */

export class TextStrip {
  /** @param {number} side 0: the sentence, 1: its twin @param {string} title @param {Listeners} listeners */
  constructor(side, title, listeners) {
    this.area = element('textarea', {
      id: `text-${side}`, spellcheck: false, rows: 1, autocapitalize: 'off', autocomplete: 'off',
      'aria-describedby': `gloss-${side} odds-${side}`,
    });
    this.paper = element('div', { class: 'paint', 'aria-hidden': 'true' });
    this.title = element('label', { class: 'strip-title', htmlFor: `text-${side}` }, title);
    this.gloss = element('p', { class: 'gloss', id: `gloss-${side}` });
    this.unknown = element('p', { class: 'unknown', hidden: true });
    this.odds = element('div', { class: 'odds', id: `odds-${side}` });
    const sheet = element('div', { class: 'sheet' }, this.paper, this.area);
    this.root = element('div', { class: 'strip' }, this.title, sheet, this.unknown, this.gloss, this.odds);
    /** @type {HTMLElement[]} */
    this.spans = [];
    /** @type {string[]} how each of them was drawn */
    this.looks = [];
    this.text = '';
    this.listen(listeners);
  }

  /** @param {Listeners} listeners */
  listen({ onEdit, onPlace, onSelect }) {
    const { area } = this;
    let composing = false;
    area.addEventListener('compositionstart', () => (composing = true));
    area.addEventListener('compositionend', () => {
      composing = false;
      onEdit(area.value);
    });
    area.addEventListener('input', () => {
      if (!composing) onEdit(area.value);
    });
    const moved = () => {
      const [start, end] = [area.selectionStart, area.selectionEnd].map((at) => charactersOf(area.value.slice(0, at)).length);
      if (end > start) onSelect(start, end);
      else onPlace(end - 1, 'caret');
    };
    for (const kind of ['keyup', 'click', 'focus', 'select']) area.addEventListener(kind, moved);
    area.addEventListener('pointermove', (event) => {
      if (event.buttons === 0) onPlace(this.placeUnder(event.clientX, event.clientY), 'hover');
    });
    area.addEventListener('pointerleave', () => onPlace(-1, 'leave'));
  }

  /** The character under a point of the window, or -1. @param {number} x @param {number} y */
  placeUnder(x, y) {
    return this.spans.findIndex((span) =>
      [...span.getClientRects()].some((r) => x >= r.left && x < r.right && y >= r.top && y < r.bottom),
    );
  }

  /** Show another text; the cursor stays where it was, as far as that goes. @param {string} text */
  setText(text) {
    if (this.area.value !== text) {
      const at = this.area.selectionStart;
      this.area.value = text;
      if (document.activeElement === this.area) this.area.setSelectionRange(at, at);
    }
    if (this.text === text && this.spans.length) return;
    this.text = text;
    const characters = charactersOf(text);
    while (this.spans.length > characters.length) this.spans.pop()?.remove();
    this.looks.length = Math.min(this.looks.length, this.spans.length);
    while (this.spans.length < characters.length) {
      const span = element('span', { class: 'c' });
      this.spans.push(span);
      this.paper.append(span);
    }
    characters.forEach((character, k) => {
      if (this.spans[k].textContent !== character) this.spans[k].textContent = character;
    });
    this.paper.classList.toggle('open-end', text === '' || text.endsWith('\n'));
  }

  /** @param {Look} look */
  draw({ amounts, gates, unknown, marked, selected }) {
    this.spans.forEach((span, k) => {
      const isSelected = selected !== null && k >= selected[0] && k < selected[1];
      const values = gates.map((gate) => decimal(gate[k] ?? 0, 2));
      const look = [amounts[k]?.toFixed(3), unknown[k], k === marked, isSelected, ...values].join();
      if (look === this.looks[k]) return; // most characters look as they did: a page of them is drawn at every key
      this.looks[k] = look;
      paint(span, amounts[k] ?? 0);
      span.classList.toggle('waiting', amounts[k] === undefined);
      span.classList.toggle('strange', unknown[k]);
      span.classList.toggle('marked', k === marked);
      span.classList.toggle('selected', isSelected);
      values.forEach((value, n) => span.style.setProperty(`--gate-${n}`, value));
    });
    const strange = [...new Set(charactersOf(this.text).filter((_, k) => unknown[k]))];
    this.unknown.hidden = strange.length === 0;
    if (strange.length) this.unknown.textContent = `The model has never seen ${strange.slice(0, 8).join(' ')}: left out.`;
  }

  /** The two endings as two bars. @param {Odds[]} odds */
  drawOdds(odds) {
    this.odds.replaceChildren(
      ...odds.map(({ word, share, before }) => {
        const bar = element('span', { class: 'bar' }, element('span', { class: 'fill' }));
        bar.style.setProperty('--share', String(share));
        if (before !== null) {
          const ghost = element('span', { class: 'ghost' });
          ghost.style.setProperty('--share', String(before));
          bar.append(ghost);
        }
        const was = before === null ? '' : ` (was ${percent(before)})`;
        return element('p', { class: 'ending' }, element('bdi', { class: 'word' }, word), bar,
          element('span', { class: 'figure' }, percent(share), element('span', { class: 'was' }, was)));
      }),
    );
  }
}
