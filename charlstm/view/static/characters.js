// Characters and their numbers. A character is one Unicode code point, as in charlstm/corpus/vocab.py.

const NAMES = new Map([
  [' ', '\u2423'],
  ['\n', '\u23ce'],
  ['\t', '\u21e5'],
  ['\u00a0', 'no-break space'],
]);

/** The characters of a text. @param {string} text */
export const charactersOf = (text) => [...text];

/** A character as it is shown alone: what has no shape of its own has a name. @param {string} character */
export function shownCharacter(character) {
  const known = NAMES.get(character);
  if (known) return known;
  if (!/[\p{C}\p{Z}\p{M}\ufe00-\ufe0f]/u.test(character)) return character;
  return `U+${(character.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, '0')}`;
}

/** A stretch of text in a line: what has no shape, or would turn the line around, is replaced. @param {string} text */
export const shownText = (text) =>
  charactersOf(text)
    .map((character) => (character === ' ' ? ' ' : /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u.test(character) ? (NAMES.get(character) ?? '\ufffd') : character))
    .join('');

/** The characters that a model knows; the place of each is its number. */
export class Vocabulary {
  /** @param {string[]} characters @param {boolean} composed whether texts are brought into normal form C */
  constructor(characters, composed) {
    this.characters = characters;
    this.composed = composed;
    this.numbers = new Map(characters.map((character, id) => [character, id]));
  }

  /** A text as the model's own are. @param {string} text */
  normal(text) {
    const lines = text.replaceAll('\r\n', '\n');
    return this.composed ? lines.normalize('NFC') : lines;
  }

  /** The number of every character; -1 for one that the model has never seen. @param {string} text */
  encode(text) {
    return charactersOf(text).map((character) => this.numbers.get(character) ?? -1);
  }

  /** @param {string} text */
  knows(text) {
    return this.encode(text).every((id) => id >= 0);
  }
}
