// What a network expects next: log-probabilities, the likeliest characters, a draw.

/** Log-probabilities in nats. @param {Float32Array} logits @returns {Float32Array} */
export function logSoftmax(logits) {
  let most = -Infinity;
  for (const logit of logits) most = Math.max(most, logit);
  let sum = 0;
  for (const logit of logits) sum += Math.exp(logit - most);
  const shift = most + Math.log(sum);
  return logits.map((logit) => logit - shift);
}

/** The likeliest characters, the likeliest first. @param {Float32Array} logP @param {number} count */
export function likeliest(logP, count) {
  const order = Array.from(logP.keys()).sort((a, b) => logP[b] - logP[a]);
  return order.slice(0, count).map((id) => ({ id, share: Math.exp(logP[id]) }));
}

/** Nats as bits. @param {number} nats */
export const bitsOf = (nats) => nats / Math.LN2;

/** Numbers from 0 to 1 that are the same for the same seed (mulberry32, T. Ettinger 2017). @param {number} seed */
export function randomNumbers(seed) {
  let a = seed >>> 0;
  return () => {
    a = (a + 0x6d2b79f5) | 0;
    let t = Math.imul(a ^ (a >>> 15), a | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

/** Draw a character: log-probabilities are divided by the temperature; 0 takes the likeliest.
 * @param {Float32Array} logP @param {number} temperature @param {number} u from 0 to 1 */
export function draw(logP, temperature, u) {
  const [best] = likeliest(logP, 1);
  if (temperature === 0) return best.id;
  const weights = Array.from(logP, (value) => Math.exp((value - logP[best.id]) / temperature));
  let left = u * weights.reduce((sum, weight) => sum + weight, 0);
  for (let id = 0; id < weights.length; id++) {
    left -= weights[id];
    if (left < 0) return id;
  }
  return best.id;
}
