// Elements of the page, and numbers as people read them. Every text goes in as text, never as HTML.

/**
 * A new element. @template {keyof HTMLElementTagNameMap} T
 * @param {T} tag @param {Record<string, unknown>} properties of the element; `class` and what has a `-` are attributes
 * @param {(Node | string)[]} children @returns {HTMLElementTagNameMap[T]}
 */
export function element(tag, properties = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name === 'class' || name.includes('-')) made.setAttribute(name, String(value));
    else Reflect.set(made, name, value);
  }
  made.append(...children);
  return made;
}

/** An element of the template, which is there. @param {string} id */
export function byId(id) {
  const found = document.getElementById(id);
  if (!found) throw new Error(`the page has no ${id}`);
  return found;
}

/** @param {string} id */
export const inputById = (id) => /** @type {HTMLInputElement} */ (byId(id));

/** Put children in the place of others, and keep the keyboard where it was. @param {Element} parent
 * @param {(Node | string)[]} children */
export function fill(parent, ...children) {
  const active = document.activeElement;
  const key = active instanceof HTMLElement && parent.contains(active) ? active.dataset.key : undefined;
  parent.replaceChildren(...children);
  if (key === undefined) return;
  const again = [...parent.querySelectorAll('[data-key]')].find((one) => one.getAttribute('data-key') === key);
  if (again instanceof HTMLElement) again.focus();
}

/** A number with a real minus. @param {number} value @param {number} digits */
export function decimal(value, digits = 2) {
  const text = value.toFixed(digits);
  return Number(text) === 0 ? (0).toFixed(digits) : text.replace('-', '\u2212');
}

/** The same, with a plus where there is no minus. @param {number} value @param {number} digits */
export const signed = (value, digits = 2) => (Number(value.toFixed(digits)) > 0 ? '+' : '') + decimal(value, digits);

/** A share in per cent. @param {number} share */
export function percent(share) {
  const value = 100 * share;
  if (value > 0 && value < 0.1) return '<0.1\u00a0%';
  if (value < 100 && value > 99.9) return '>99.9\u00a0%';
  return `${decimal(value, value < 10 || (value > 90 && value < 100) ? 1 : 0)}\u00a0%`;
}

/** A count with commas. @param {number} count */
export const counted = (count) => Math.round(count).toLocaleString('en');
