// What is seen, as a picture: SVG, or PNG drawn from it. Nothing in it asks for anything from elsewhere.

import { charactersOf, shownText } from './characters.js';
import { mixed, pageColour } from './colours.js';
import { percent } from './page_elements.js';

/** @typedef {{title: string, text: string, amounts: number[], odds: {word: string, share: number}[]}} PictureStrip */
/** @typedef {{title: string, line: string, strips: PictureStrip[], foot: string}} Picture */

const SPACE = 'http://www.w3.org/2000/svg';
const [COLUMNS, WIDE, HIGH, MARGIN] = [76, 12, 30, 40];
const SERIF = 'Georgia, "Palatino Linotype", "DejaVu Serif", serif';
const MONO = '"DejaVu Sans Mono", Menlo, Consolas, monospace';
const SANS = 'system-ui, "DejaVu Sans", sans-serif';

/** A text in lines that break at spaces. @param {string[]} characters @returns {[number, number][]} */
function linesOf(characters) {
  /** @type {[number, number][]} */
  const lines = [];
  let start = 0;
  while (start < characters.length) {
    const hard = characters.indexOf('\n', start);
    let end = Math.min(start + COLUMNS, hard < 0 ? characters.length : hard + 1);
    if (end < characters.length && characters[end - 1] !== '\n') {
      const space = characters.lastIndexOf(' ', end - 1);
      if (space > start) end = space + 1;
    }
    lines.push([start, end]);
    start = end;
  }
  return lines;
}

/** @param {Picture} picture */
export function toSvg(picture) {
  const width = COLUMNS * WIDE + 2 * MARGIN;
  const svg = document.createElementNS(SPACE, 'svg');
  const [ink, soft, line] = ['--ink', '--soft', '--line'].map(pageColour);
  let y = MARGIN + 20;
  /** @param {string} tag @param {Record<string, string | number>} attributes @param {string} text */
  const add = (tag, attributes, text = '') => {
    const made = document.createElementNS(SPACE, tag);
    for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, String(value));
    made.textContent = shownText(text);
    svg.append(made);
  };
  const paper = document.createElementNS(SPACE, 'rect');
  svg.append(paper);
  add('text', { x: MARGIN, y, 'font-family': SERIF, 'font-size': 26, fill: ink }, picture.title);
  y += 28;
  add('text', { x: MARGIN, y, 'font-family': SANS, 'font-size': 14, fill: soft }, picture.line);
  y += 34;
  for (const { title, text, amounts, odds } of picture.strips) {
    add('text', { x: MARGIN, y, 'font-family': SANS, 'font-size': 13, fill: soft }, title);
    y += 10;
    const characters = charactersOf(text);
    for (const [start, end] of linesOf(characters)) {
      for (let k = start; k < end; k++) {
        const x = MARGIN + (k - start) * WIDE;
        if (characters[k] === '\n') continue;
        add('rect', { x, y, width: WIDE + 0.4, height: HIGH - 4, fill: mixed(amounts[k] ?? 0) });
        if (characters[k] !== ' ') add('text', { x: x + WIDE / 2, y: y + 19, 'text-anchor': 'middle', 'font-family': MONO, 'font-size': 18, fill: ink }, characters[k]);
      }
      y += HIGH;
    }
    for (const { word, share } of odds) {
      add('text', { x: MARGIN, y: y + 14, 'font-family': SANS, 'font-size': 14, fill: ink }, word);
      add('rect', { x: MARGIN + 150, y: y + 4, width: 400, height: 10, rx: 5, fill: line });
      add('rect', { x: MARGIN + 150, y: y + 4, width: Math.max(2, 400 * share), height: 10, rx: 5, fill: ink });
      add('text', { x: MARGIN + 565, y: y + 14, 'font-family': SANS, 'font-size': 14, fill: ink }, percent(share));
      y += 22;
    }
    y += 26;
  }
  add('text', { x: MARGIN, y, 'font-family': SANS, 'font-size': 12, fill: soft }, picture.foot);
  const height = y + MARGIN / 2;
  for (const [name, value] of Object.entries({ width, height, fill: mixed(0) })) paper.setAttribute(name, String(value));
  for (const [name, value] of Object.entries({ width, height, viewBox: `0 0 ${width} ${height}` })) svg.setAttribute(name, String(value));
  return { text: new XMLSerializer().serializeToString(svg), width, height };
}

/** Give a file to the person. @param {Blob} blob @param {string} name */
export function download(blob, name) {
  const link = document.createElement('a');
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}

/** @param {Picture} picture */
export const svgFile = (picture) => new Blob([toSvg(picture).text], { type: 'image/svg+xml' });

/** @param {Picture} picture @returns {Promise<Blob>} twice as large, for walls */
export async function pngFile(picture) {
  const { width, height } = toSvg(picture);
  const image = new Image();
  image.src = URL.createObjectURL(svgFile(picture));
  await image.decode();
  const canvas = document.createElement('canvas');
  [canvas.width, canvas.height] = [2 * width, 2 * height];
  canvas.getContext('2d')?.drawImage(image, 0, 0, canvas.width, canvas.height);
  URL.revokeObjectURL(image.src);
  return new Promise((resolve, reject) => canvas.toBlob((blob) => (blob ? resolve(blob) : reject(new Error('no picture'))), 'image/png'));
}
