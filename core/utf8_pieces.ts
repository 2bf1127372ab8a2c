const encoder = new TextEncoder();
const STEP = 1 << 16;
const room = new Uint8Array(3 * STEP + 3);

/**
 * Text as UTF-8, piece by piece, each in the place of the one before: a large text is not copied for it. To be used at
 * once, as all who ask share the place.
 */
export function* utf8Pieces(text: string): Generator<Uint8Array> {
  for (let at = 0, end = 0; at < text.length; at = end) {
    end = at + STEP;
    // A pair of surrogates is one letter.
    if (/[\uD800-\uDBFF]/.test(text.charAt(end - 1))) end++;
    yield room.subarray(0, encoder.encodeInto(text.slice(at, end), room).written);
  }
}
