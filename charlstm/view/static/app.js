// The page: what is shown, and the loop that reads in slices and draws what has been read.

import { fromAddress, toAddress } from './address.js';
import { CellList } from './cell_list.js';
import { cellName } from './cell_words.js';
import { Vocabulary, charactersOf } from './characters.js';
import { amountOf, paint } from './colours.js';
import { decision, shareOfFirst } from './endings.js';
import { Experiment } from './experiment.js';
import { gatesAlong } from './equations.js';
import { headline } from './headline.js';
import { drawInspector } from './inspector.js';
import { openKernel } from './kernel.js';
import { Network, plainProduct } from './network.js';
import { Ordinary } from './ordinary.js';
import { byId, counted, element, fill, inputById } from './page_elements.js';
import { download, pngFile, svgFile } from './picture.js';
import { Reading } from './reading.js';
import { drawLookup, drawStretch } from './search_panels.js';
import { TextStrip } from './text_strip.js';
import { align, mirrored } from './twins.js';
import { inflate, newMatrix, readWeights, roomFor } from './weights.js';
import { Writer } from './writer.js';

/** @typedef {{name: string, sentence: string, twin: string, endings: [string, string], cue_end: number, glosses: [string, string]}} Shown */
/** @typedef {{name: string, cell_type: string, label: string, layers: number, hidden: number, embedding: number, characters: string[],
 *   composed: boolean, language: string, parameters: number, bits_per_char: number?, parts: import('./inspector.js').Parts, keep_gate: string}} ModelInfo */
/** @typedef {{model: ModelInfo, before: string, sentences: Shown[], ordinary: {passages: string[], source: string},
 *   record: import('./cell_words.js').CellRecord?, chosen: [number, number], weights: import('./weights.js').WeightsInfo}} PageData */

const MAX_TEXT = 2000; // characters
const SLICE = 12; // milliseconds of reading before the page may breathe
const REDRAW = 100; // milliseconds between two drawings while a text is being read
const QUIET = 300; // milliseconds after the last change: before that, ordinary text waits
const CLOSE = 1e-3; // how near the fast products must come to the plain ones
const CHECKED = 12; // characters that are read both ways to see it
const CLIP = 3; // of the slider, for a cell state
/** The gates below a text, by cell type: what is kept, what is written, what is shown. @type {Record<string, string[]>} */
const GATES_DRAWN = { lstm: ['f', 'i', 'o'], gru: ['z', 'r'], rnn: [] };

const data = /** @type {PageData} */ (JSON.parse(byId('data').textContent ?? ''));
const { model } = data;
const vocabulary = new Vocabulary(model.characters, model.composed);

/** The network, with fast products where the browser has them and they agree with the plain ones. */
async function openNetwork() {
  const bytes = await inflate(byId('weights').textContent ?? '');
  byId('weights').remove();
  const kernel = await openKernel(roomFor(data.weights));
  const weights = readWeights(bytes, data.weights, model.cell_type, kernel?.make ?? newMatrix);
  const plain = new Network(weights, plainProduct);
  if (!kernel) return { network: plain, how: 'plain JavaScript' };
  const fast = new Network(weights, kernel.product);
  const [a, b] = [plain, fast].map((network) => {
    const state = network.zeroState();
    for (const id of vocabulary.encode(data.sentences[0].sentence).filter((one) => one >= 0).slice(0, CHECKED)) network.step(id, state);
    return network.logits(state);
  });
  const apart = a.reduce((most, logit, k) => Math.max(most, Math.abs(logit - b[k])), 0);
  if (!(apart < CLOSE)) return { network: plain, how: 'plain JavaScript, because the fast products do not agree with it here' };
  return { network: fast, how: `WebAssembly; the readable step differs from it by ${apart.toExponential(0)} at most` };
}

const { network, how } = await openNetwork();
const begin = network.zeroState();
for (const id of vocabulary.encode(data.before)) if (id >= 0) network.step(id, begin);

const readings = [new Reading(network, begin), new Reading(network, begin)];
const changed = [new Reading(network, begin), new Reading(network, begin)];
const ordinary = new Ordinary(network, data.ordinary.passages, (text) => vocabulary.encode(text), model.keep_gate);

const now = {
  texts: /** @type {[string, string]} */ (['', '']),
  hasTwin: false,
  words: /** @type {[string, string]} */ (['', '']),
  cueEnd: 0,
  layer: data.chosen[0],
  cell: data.chosen[1],
  side: 0,
  place: -1, // that the cursor marked; -1: the one before the decision
  hover: /** @type {{side: number, place: number}?} */ (null),
  selected: /** @type {[number, number]?} */ (null),
  selectedSide: 0,
};
/** The middle between the first example and its twin, by cell: on which side a cell is, is told from there.
 * @type {Float32Array?} */
let middles = null;
const example = data.sentences.find(({ twin }) => twin !== '') ?? null;
const ofExample = [new Reading(network, begin), new Reading(network, begin)];
let drawnLookup = '';

const strips = ['The sentence', 'Its twin'].map((title, side) => new TextStrip(side, title, {
  onEdit: (text) => edit(side, text),
  onPlace: (place, kind) => {
    if (kind === 'caret') {
      now.side = side;
      now.place = Math.max(0, place);
      now.selected = null;
    }
    now.hover = kind === 'hover' && place >= 0 ? { side, place } : null;
    wake();
  },
  onSelect: (start, end) => {
    now.selected = [start, end];
    now.selectedSide = side;
    [now.side, now.place] = [side, end - 1];
    wake();
  },
}));
const experiment = new Experiment(byId('experiment'), () => wake());
const cells = new CellList({ root: byId('cells'), record: data.record, ordinary, layers: model.layers, hidden: model.hidden, choose });
new Writer(byId('writer'), {
  vocabulary,
  reading: () => readings[0],
  text: () => now.texts[0],
  most: MAX_TEXT,
  write: (text) => {
    now.texts[0] = text;
    now.place = charactersOf(text).length - 1;
    now.side = 0;
    take();
  },
});

/** @param {number} layer @param {number} cell */
function choose(layer, cell) {
  if (layer !== now.layer || cell !== now.cell) experiment.value = null;
  [now.layer, now.cell] = [layer, cell];
  wake();
}

/** A person has typed. @param {number} side @param {string} typed */
function edit(side, typed) {
  const text = charactersOf(vocabulary.normal(typed)).slice(0, MAX_TEXT).join('');
  if (now.hasTwin) {
    const { at, cueEnd } = alignment();
    const other = mirrored(now.texts[side], text, now.texts[1 - side], side ? [at[1], at[0]] : at, cueEnd[side]);
    now.texts[1 - side] = other;
  }
  now.texts[side] = text;
  now.selected = null;
  take();
  const caret = strips[side].area.selectionStart;
  [now.side, now.place] = [side, Math.max(0, charactersOf(strips[side].area.value.slice(0, caret)).length - 1)];
}

/** Read the texts as they are now. */
function take() {
  now.texts.forEach((text, side) => {
    readings[side].setIds(vocabulary.encode(text));
    strips[side].setText(text);
    const example = data.sentences.find(({ sentence, twin }) => (side ? twin : sentence) === text);
    strips[side].gloss.textContent = example ? example.glosses[side] : '';
  });
  wake();
}

/** @param {Shown} shown */
function show(shown) {
  now.texts = [shown.sentence, shown.twin];
  now.hasTwin = shown.twin !== '';
  now.words = shown.endings;
  now.cueEnd = shown.cue_end;
  [now.side, now.place, now.selected] = [0, -1, null];
  experiment.value = null;
  settle();
}

/** Show what was set from elsewhere: a sentence of the list, or an address. */
function settle() {
  inputById('words').value = now.words[0] ? now.words.join(' / ') : '';
  inputById('twin-shown').checked = now.hasTwin;
  take();
}

/** Where a text decides: at its end, if there are no words. @param {string} text @param {[string, string]} words
 * @returns {import('./endings.js').Decision} */
const decisionOf = (text, words) => words[0] ? decision(text, words) : { at: charactersOf(text).length, rests: ['', ''] };

/** @param {number} side */
const decided = (side) => decisionOf(now.texts[side], now.words);

const alignment = () => align(now.texts, [decided(0).at, decided(1).at], now.cueEnd);

/** Take the middles, if they are not known yet, from the first example with a twin. What is shown may be anything, as a text
 * and its copy, and is taken only where there is no such example. Mostly the example is what is shown: then it is not read
 * twice. @param {number} deadline @returns {boolean} whether nothing is left to be read for them */
function takeMiddles(deadline) {
  const pair = example ?? (now.hasTwin ? { sentence: now.texts[0], twin: now.texts[1], endings: now.words } : null);
  if (middles || !pair) return true;
  const texts = [pair.sentence, pair.twin];
  const isShown = now.hasTwin && texts.every((text, side) => text === now.texts[side]);
  const read = isShown ? readings : ofExample;
  if (!isShown) texts.forEach((text, side) => ofExample[side].setIds(vocabulary.encode(text)));
  if (!read.map((reading) => reading.advance(deadline)).every(Boolean)) return false;
  const [a, b] = read.map((reading, side) => network.memory(reading.states[decisionOf(texts[side], pair.endings).at]));
  middles = a.map((value, k) => (value + b[k]) / 2);
  return true;
}

/** What is done to the cell of each reading, by the controls. */
function change() {
  const { at, cueRead } = now.hasTwin ? alignment() : { at: [decided(0).at, 0], cueRead: [1, 0] };
  const marked = now.side === 0 || now.hasTwin ? now.place + 1 : 0;
  const from = [0, 1].map((side) => experiment.from === 'place' && marked > 0
    ? Math.max(1, marked + (side === now.side ? 0 : at[side] - at[now.side]))
    : Math.max(1, cueRead[side]));
  const number = now.layer * network.hidden + now.cell;
  const there = [0, 1].map((side) => readings[side].states[Math.min(from[side], readings[side].done)]);
  const memories = there.map((state) => network.memory(state)[number]);
  const midway = now.hasTwin ? (memories[0] + memories[1]) / 2 : 0;
  return { from, midway, memories, shown: there.map((state) => state.h[number]) };
}

/** @param {number} side @param {ReturnType<typeof change>} doing */
function follow(side, doing) {
  const { kind } = experiment;
  if (kind === 'none') return readings[side];
  const other = 1 - side;
  const value = kind === 'hold' ? (experiment.value ?? doing.midway) : doing.memories[other];
  changed[side].follow(readings[side], { kind, layer: now.layer, cell: now.cell, from: doing.from[side], value, shown: doing.shown[other] });
  return changed[side];
}

const channel = new MessageChannel();
let awake = false;
let changedAt = 0;
let drawnAt = -Infinity;
let isStale = true; // whether what is drawn is not what is to be seen

/** Something has changed: read on, and draw. */
function wake() {
  isStale = true;
  changedAt = performance.now();
  goOn();
}

function goOn() {
  if (awake) return;
  awake = true;
  channel.port2.postMessage(null);
}

channel.port1.onmessage = () => {
  awake = false;
  const deadline = performance.now() + SLICE;
  const sides = now.hasTwin ? [0, 1] : [0];
  for (const side of sides) readings[side].advance(deadline);
  const isRead = sides.every((side) => readings[side].isDone);
  let isChanged = isRead && takeMiddles(deadline);
  if (isRead) {
    const doing = change();
    for (const side of sides) {
      const reading = follow(side, doing);
      reading.advance(deadline);
      isChanged &&= reading.isDone;
    }
  }
  if (isStale && (isChanged || performance.now() > drawnAt + REDRAW)) {
    draw(isRead, isChanged);
    isStale = !isChanged;
    drawnAt = performance.now();
  }
  const wait = changedAt + QUIET - performance.now();
  if (isChanged && !ordinary.isDone && wait <= 0) {
    ordinary.advance(performance.now() + SLICE);
    drawSearches();
    cells.draw();
  }
  if (!isChanged) setTimeout(goOn); // the page may breathe
  else if (!ordinary.isDone) setTimeout(goOn, Math.max(0, wait));
};

/** @param {boolean} isRead whether both texts are read @param {boolean} isChanged whether they are with the change, too */
function draw(isRead, isChanged) {
  const sides = now.hasTwin ? [0, 1] : [0];
  const doing = change();
  const shownReadings = sides.map((side) => (isChanged && experiment.kind !== 'none' ? changed[side] : readings[side]));
  const middle = middles?.[now.layer * network.hidden + now.cell] ?? 0;
  const at = now.hover ?? { side: now.side, place: placeShown() };
  strips[1].root.hidden = !now.hasTwin;
  const showGates = inputById('valves').checked && model.keep_gate !== '';
  document.documentElement.classList.toggle('with-gates', showGates);
  const told = sides.map((side) => {
    const reading = shownReadings[side];
    const count = Math.min(decided(side).at, reading.done);
    const share = now.words[0] && isChanged ? shareOfFirst(reading, decided(side), vocabulary) : null;
    const plain = experiment.kind !== 'none' && now.words[0] && isRead ? shareOfFirst(readings[side], decided(side), vocabulary) : null;
    strips[side].draw({
      amounts: amountsOf(reading),
      gates: showGates ? gatesOf(reading) : [],
      unknown: reading.ids.map((id) => id < 0),
      marked: at.side === side ? at.place : -1,
      selected: now.selectedSide === side ? now.selected : null,
    });
    strips[side].drawOdds(share === null ? [] : [
      { word: now.words[0], share, before: plain },
      { word: now.words[1], share: 1 - share, before: plain === null ? null : 1 - plain },
    ]);
    return { text: now.texts[side], count, memory: (/** @type {number} */ k) => reading.memory(k, now.layer, now.cell), share };
  });
  const { title, line, basis } = headline(data.record, now.layer, now.cell, told, now.words, middle, experiment.kind);
  fill(byId('headline'), ...title);
  byId('subline').textContent = line;
  byId('basis').textContent = basis;
  const most = network.hasCellState ? Math.max(CLIP, ...doing.memories.map((value) => 1.5 * Math.abs(value))) : 1;
  experiment.draw(cellName(now.layer, now.cell), most, doing.midway, now.hasTwin);
  drawInspector(byId('inspector'), shownReadings[at.side] ?? readings[0], vocabulary, now.texts[at.side], at.place, { layer: now.layer, cell: now.cell, name: cellName(now.layer, now.cell) }, model.parts);
  cells.chosen = { layer: now.layer, cell: now.cell };
  cells.draw();
  drawSearches();
  if (isChanged) {
    byId('status').textContent = `${byId('headline').textContent} ${line}`;
    document.documentElement.dataset.ready ??= String(Math.round(performance.now()));
    share();
  }
}

/** The place whose step is shown: the marked one, or the last before the decision. */
function placeShown() {
  const length = charactersOf(now.texts[now.side]).length;
  return Math.min(now.place < 0 ? decided(now.side).at - 1 : now.place, length - 1, readings[now.side].done - 1);
}

/** @param {Reading} reading */
const amountsOf = (reading) => Array.from({ length: reading.done }, (_, k) => amountOf(reading.memory(k + 1, now.layer, now.cell), network.hasCellState));

/** The gates of the chosen cell along a reading. @param {Reading} reading */
const gatesOf = (reading) => gatesAlong(reading, now.layer, now.cell, GATES_DRAWN[network.cellType]);

function drawSearches() {
  const step = ordinary.isDone ? 'all' : Math.floor(ordinary.read / 400);
  const state = [now.layer, now.cell, step, now.selected, now.selectedSide, now.selected && now.texts[now.selectedSide], readings[now.selectedSide].isDone].join();
  if (state === drawnLookup) return;
  drawnLookup = state;
  drawLookup(byId('lookup'), ordinary, now.layer, now.cell, data.ordinary.source);
  const text = now.selected ? charactersOf(now.texts[now.selectedSide]).slice(...now.selected).join('') : '';
  if (readings[now.selectedSide].isDone) drawStretch(byId('stretch'), ordinary, readings[now.selectedSide], now.selected, text, choose);
  const speed = ordinary.read > 100 ? `${counted(ordinary.speed)} characters a second here, by ${how}.` : `Computed by ${how}.`;
  byId('speed').textContent = speed;
}

const sharing = () => ({ text: now.texts[0], twin: now.hasTwin ? now.texts[1] : null, words: now.words, layer: now.layer, cell: now.cell, side: now.side, place: now.place, kind: experiment.kind, value: experiment.value });

/** Put what is seen into the address. */
function share() {
  const hash = toAddress(sharing());
  if (hash === location.hash || location.hash !== handled) return; // another was typed, and `hashchange` is on its way
  link = location.href.replace(/#.*$/s, '') + hash;
  try {
    history.replaceState(null, '', hash);
    handled = location.hash;
  } catch {
    // too often, or not allowed for a file: the link that is copied is still right
  }
}
let link = location.href;
let handled = location.hash; // the address as it was last read or written here

/** Show what the address says; whether it says anything. */
function arrive() {
  const found = fromAddress(location.hash, model.layers, model.hidden, MAX_TEXT);
  if (Object.keys(found).length === 0) return false;
  if (found.text !== undefined) {
    now.texts = [vocabulary.normal(found.text), vocabulary.normal(found.twin ?? '')];
    now.hasTwin = Boolean(found.twin);
    now.words = found.words ?? ['', ''];
    now.cueEnd = data.sentences.find(({ sentence }) => sentence === found.text)?.cue_end ?? 0;
  }
  if (found.layer !== undefined && found.cell !== undefined) [now.layer, now.cell] = [found.layer, found.cell];
  [now.side, now.place, now.selected] = [found.side === 1 && now.hasTwin ? 1 : 0, found.place ?? -1, null];
  experiment.kind = found.kind === 'hold' || found.kind === 'patch' ? found.kind : 'none';
  experiment.value = found.value ?? null;
  return found.text !== undefined;
}

/** What is seen, as data for a picture. */
function seen() {
  const sides = now.hasTwin ? [0, 1] : [0];
  return {
    title: byId('headline').textContent ?? '',
    line: byId('subline').textContent ?? '',
    strips: sides.map((side) => {
      const reading = experiment.kind === 'none' ? readings[side] : changed[side];
      const share = now.words[0] ? shareOfFirst(reading, decided(side), vocabulary) : null;
      const odds = share === null ? [] : [{ word: now.words[0], share }, { word: now.words[1], share: 1 - share }];
      return { title: strips[side].title.textContent ?? '', text: now.texts[side], amounts: amountsOf(reading), odds };
    }),
    foot: `${model.name}, ${model.label} of ${model.layers} × ${model.hidden} cells · cell ${cellName(now.layer, now.cell)}, blue below zero, orange above · charlstm view`,
  };
}

function drawLegend() {
  const scale = element('span', { class: 'scale', 'aria-hidden': 'true' });
  for (let k = -4; k <= 4; k++) {
    const step = element('span', { class: 'c' });
    paint(step, k / 4);
    scale.append(step);
  }
  const names = GATES_DRAWN[network.cellType];
  const unit = network.hasCellState ? 'tanh of the cell state' : 'the hidden state';
  byId('legend').append(element('span', { class: 'scale-line' }, '−1 ', scale, ' +1'), element('span', {}, ` ${unit}, one scale for all cells. `));
  if (names.length)
    byId('legend').append(element('span', { class: 'gates-said' }, `Below each character: ${names.map((letter) => model.parts[letter].name).join(', ')}; full height is open.`));
}

/** @param {string} name @param {() => Promise<Blob> | Blob} make @param {string} ending */
function saveOn(name, make, ending) {
  byId(name).addEventListener('click', async () => {
    const stem = `${model.name.replace(/[^\p{L}\p{N}]+/gu, '-')}-cell-${now.layer + 1}-${now.cell}`;
    download(await make(), `${stem}.${ending}`);
  });
}

function connect() {
  byId('model').append(element('bdi', {}, model.name), `: ${model.label} of ${model.layers} × ${model.hidden} cells`);
  const exact = data.weights.exact ? 'exactly those of the model file' : `rounded to ${data.weights.form}`;
  const before = data.before ? ` Before the text it reads “${data.before.replaceAll('\n', '⏎')}”.` : '';
  byId('about').textContent = `${counted(model.parameters)} weights (${data.weights.form}, ${exact}), ${counted(model.characters.length)} characters.${before} Everything is computed in this page; nothing leaves it.`;
  const menu = /** @type {HTMLSelectElement} */ (byId('sentences'));
  const names = data.sentences.map(({ sentence }) => (sentence.length > 48 ? `${sentence.slice(0, 47)}…` : sentence));
  menu.append(...names.map((name, k) => new Option(name, String(k))));
  menu.addEventListener('change', () => show(data.sentences[Number(menu.value)]));
  inputById('words').addEventListener('change', ({ target }) => {
    const words = /** @type {HTMLInputElement} */ (target).value.split('/').map((word) => vocabulary.normal(word.trim()));
    now.words = words.length === 2 && words[0] && words[1] && words[0] !== words[1] ? [words[0], words[1]] : ['', ''];
    wake();
  });
  inputById('twin-shown').addEventListener('change', ({ target }) => {
    now.hasTwin = /** @type {HTMLInputElement} */ (target).checked;
    if (now.hasTwin && now.texts[1] === '') now.texts[1] = now.texts[0];
    if (!now.hasTwin) now.side = 0;
    take();
  });
  inputById('valves').addEventListener('change', wake);
  byId('valves-label').hidden = model.keep_gate === '';
  byId('link').addEventListener('click', async () => {
    let said = 'Copied';
    try {
      await navigator.clipboard.writeText(link);
    } catch {
      said = 'It is in the address bar';
    }
    byId('link').textContent = said;
    byId('status').textContent = said;
    setTimeout(() => (byId('link').textContent = 'Copy link'), 2000);
  });
  saveOn('svg', () => svgFile(seen()), 'svg');
  saveOn('png', () => pngFile(seen()), 'png');
  byId('print').addEventListener('click', () => print());
  byId('theme').addEventListener('click', () => {
    const root = document.documentElement;
    const isDark = root.dataset.theme ? root.dataset.theme === 'dark' : matchMedia('(prefers-color-scheme: dark)').matches;
    root.dataset.theme = isDark ? 'light' : 'dark';
  });
  addEventListener('hashchange', () => {
    handled = location.hash;
    if (location.hash.includes('=') && location.hash !== toAddress(sharing()) && arrive()) settle();
    else wake();
  });
  byId('strips').append(...strips.map(({ root }) => root));
  for (const strip of strips) strip.area.lang = model.language;
  drawLegend();
}

connect();
if (arrive()) settle();
else show(data.sentences[0]);
