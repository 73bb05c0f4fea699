// What the address carries: text, twin, endings, cell, character, and what is done to the cell.

/** @typedef {{text: string, twin: string?, words: [string, string], layer: number, cell: number, side: number, place: number,
 *   kind: string, value: number?}} Shared */

/** The part after `#`. @param {Shared} shared */
export function toAddress(shared) {
  const parts = new URLSearchParams({ text: shared.text, cell: `${shared.layer + 1}:${shared.cell}` });
  if (shared.twin !== null) parts.set('twin', shared.twin);
  if (shared.words[0]) parts.set('endings', shared.words.join('/'));
  if (shared.place >= 0) parts.set('at', `${shared.side ? 'twin:' : ''}${shared.place + 1}`);
  if (shared.kind !== 'none') parts.set('do', shared.kind);
  if (shared.value !== null && shared.kind === 'hold') parts.set('value', shared.value.toFixed(3));
  return `#${parts}`;
}

/** What an address says; what is not sound is left out. @param {string} hash @param {number} layers
 * @param {number} hidden @param {number} most characters of a text @returns {Partial<Shared>} */
export function fromAddress(hash, layers, hidden, most) {
  const parts = new URLSearchParams(hash.replace(/^#/, ''));
  /** @type {Partial<Shared>} */
  const found = {};
  const text = (/** @type {string} */ name) => parts.get(name)?.slice(0, most);
  if (text('text')) {
    found.text = text('text');
    found.twin = text('twin') ?? null;
    const words = (text('endings') ?? '').split('/');
    found.words = words.length === 2 && words[0] && words[1] ? [words[0], words[1]] : ['', ''];
  }
  const cell = /^(\d{1,3}):(\d{1,5})$/.exec(parts.get('cell') ?? '');
  if (cell && Number(cell[1]) >= 1 && Number(cell[1]) <= layers && Number(cell[2]) < hidden) {
    found.layer = Number(cell[1]) - 1;
    found.cell = Number(cell[2]);
  }
  const at = /^(twin:)?(\d{1,5})$/.exec(parts.get('at') ?? '');
  if (at) {
    found.side = at[1] ? 1 : 0;
    found.place = Number(at[2]) - 1;
  }
  const kind = parts.get('do');
  if (kind === 'hold' || kind === 'patch') found.kind = kind;
  const value = Number(parts.get('value') ?? NaN);
  if (Number.isFinite(value)) found.value = Math.max(-100, Math.min(100, value));
  return found;
}
