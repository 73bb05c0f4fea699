// Colours of what a cell remembers: blue below zero, orange above, on one scale for all cells.

/** How strongly a memory is coloured, from -1 to 1: what the cell would show of it with its output gate open.
 * @param {number} memory @param {boolean} hasCellState */
export const amountOf = (memory, hasCellState) => (hasCellState ? Math.tanh(memory) : memory);

/** Colour an element by an amount from -1 to 1; the style sheet has the colours. @param {HTMLElement} place
 * @param {number} amount */
export function paint(place, amount) {
  place.style.setProperty('--amount', Math.abs(amount).toFixed(3));
  place.classList.toggle('high', amount > 0);
  place.classList.toggle('low', amount < 0);
}

/** A colour of the page as it is now, for pictures. @param {string} name */
export const pageColour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

/** The colour of an amount, as `rgb()`, mixed with the paper. @param {number} amount */
export function mixed(amount) {
  const read = (/** @type {string} */ name) => pageColour(name).split(' ').map(Number);
  const [paper, colour] = [read('--paper-rgb'), read(amount < 0 ? '--low' : '--high')];
  const share = Math.abs(amount) * Number(pageColour('--most'));
  return `rgb(${paper.map((part, k) => Math.round(part + share * (colour[k] - part))).join(',')})`;
}
