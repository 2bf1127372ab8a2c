import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { isOciError } from "../../core/errors.ts";
import { copyJson, decodeUtf8, parseJson, sameJson } from "../../core/json.ts";
import { fc } from "../fast_check.ts";

const print = (text: string) => JSON.stringify(parseJson(text));

function failure(text: string): string {
  try {
    parseJson(text);
  } catch (error) {
    if (isOciError(error, "corrupt")) return error.message;
    throw error;
  }
  assert.fail(`${text.slice(0, 80)} was read`);
}

const nested = (depth: number, inner: string) => "[".repeat(depth) + inner + "]".repeat(depth);

const KEPT: Readonly<Record<string, string>> = {
  "a number past 2^53": '{"n":9007199254740993}',
  "a number of 40 digits": "[1234567890123456789012345678901234567890]",
  "a fraction with a zero at its end": "[1.0,0.10,1.50]",
  "an exponent as it was written": "[1e3,1E+3,2.5e-7]",
  "a number past the range of doubles": "[1e400,-1e400]",
  "minus zero": "[-0,0,-0.0]",
  "a member named __proto__": '{"__proto__":{"a":1},"constructor":2,"toString":3}',
  "a lone surrogate": '["\\ud800","\\udc00x"]',
  "every escape": '["\\"\\\\\\b\\f\\n\\r\\t\\u0001"]',
  "text beyond the basic plane": '["😀","é","中"]',
  "the deepest nesting": nested(256, "1"),
};

/** What is printed where the text has another spelling of the same value. */
const SPELLED: readonly (readonly [text: string, printed: string])[] = [
  [' {\n "a" : [ 1 , 2 ] ,\t"b" : { } }\r\n', '{"a":[1,2],"b":{}}'],
  ['"\\u0041\\/"', '"A/"'],
  ['"\\uD800"', '"\\ud800"'],
  ['{"b":1,"2":3,"1":2}', '{"1":2,"2":3,"b":1}'],
];

const REFUSED: readonly (readonly [text: string, why: string, at: number])[] = [
  ["", "not a value", 0],
  ["\0\0\0", "not a value", 0],
  ["\uFEFF{}", "not a value", 0],
  ["{} {}", "text after the end", 3],
  ['{"a":1,"a":1}', 'member "a" named twice', 10],
  ['{"a":{"b":1,"\\u0062":2}}', 'member "b" named twice', 20],
  ['{"__proto__":1,"__proto__":2}', 'member "__proto__" named twice', 26],
  ['{"a" 1}', "no colon after a name", 5],
  ['{"a":1,}', "not a string", 7],
  ["{a:1}", "not a string", 1],
  ["[1,]", "not a value", 3],
  ["[1 2]", "neither a comma nor an end", 3],
  ["[1", "neither a comma nor an end", 2],
  ["[01]", "neither a comma nor an end", 2],
  ["[+1]", "not a value", 1],
  ["[.5]", "not a value", 1],
  ["[-]", "not a value", 1],
  ["[NaN]", "not a value", 1],
  ["[tru]", "not a value", 1],
  ["['a']", "not a value", 1],
  ['["a', "a string without an end", 1],
  ['["\\"', "a string without an end", 1],
  ['["\\x"]', "a string with an illegal character", 1],
  ['["\n"]', "a string with an illegal character", 1],
  ["// note\n1", "not a value", 0],
];

describe("JSON that loses nothing", () => {
  for (const [what, text] of Object.entries(KEPT)) {
    it(`keeps ${what}`, () => assert.equal(print(text), text));
  }

  for (const [text, printed] of SPELLED) {
    it(`reads ${JSON.stringify(text)} as ${printed}`, () => assert.equal(print(text), printed));
  }

  for (const [text, why, at] of REFUSED) {
    it(`refuses ${JSON.stringify(text)}: ${why}`, () =>
      assert.equal(failure(text), `Cannot read JSON: ${why} at offset ${at}`));
  }

  it("gives plain numbers, and carries as text only those a double cannot print", () => {
    assert.deepEqual(parseJson('[ 1, 2.5, -3, 1e21, "x", true, false, null ]'), [
      1,
      2.5,
      -3,
      parseJson("1e21"),
      "x",
      true,
      false,
      null,
    ]);
    assert.equal(typeof parseJson("9007199254740992"), "number");
    assert.equal(typeof parseJson("9007199254740993"), "object");
  });

  it("keeps __proto__ as data: no object gets another prototype", () => {
    for (const text of ['{"__proto__":{"polluted":1}}', '{ "__proto__": {"polluted": 1} }']) {
      const value = copyJson(parseJson(text)) as Record<string, unknown>;
      assert.deepEqual(Object.keys(value), ["__proto__"]);
      assert.equal(value["polluted"], undefined);
      assert.equal(Object.getPrototypeOf(value), Object.prototype);
    }
  });

  for (const depth of [257, 3_000, 100_000]) {
    it(`refuses ${depth} levels of arrays or objects in a sentence`, () => {
      const objects = '{"a":'.repeat(depth) + "1" + "}".repeat(depth);
      for (const text of [nested(depth, "1"), nested(depth, " 1"), objects, "[".repeat(depth)]) {
        assert.match(failure(text), /more than 256 levels deep at offset \d+$|neither a comma/);
      }
    });
  }

  it("quotes a position, never the document", () => {
    assert.ok(failure(`{"${"secret".repeat(1000)}":1,"${"secret".repeat(1000)}":2}`).length < 200);
  });

  it("reads a megabyte of backslashes, quotes and numbers in no more than a moment", () => {
    const text = ` ["${"\\\\".repeat(200_000)}","${'\\"'.repeat(200_000)}",${
      "1.0,".repeat(50_000)
    }1]`;
    const start = performance.now();
    assert.equal(print(text), text.slice(1));
    assert.ok(performance.now() - start < 3_000);
  });

  it("any value: what was printed is read as it was", () => {
    fc.assert(fc.property(fc.jsonValue(), (value) => {
      const text = JSON.stringify(value);
      assert.deepEqual(parseJson(text), JSON.parse(text));
      assert.equal(JSON.stringify(parseJson(` ${text}`)), JSON.stringify(JSON.parse(text)));
    }));
  });

  it("any text: what was read is printed as it was, whatever its numbers and white space", () => {
    fc.assert(fc.property(document, space, (compact, between) => {
      const spaced = compact.replace(
        /"(?:[^"\\]|\\.)*"|[{}[\]:,]|[^{}[\]:,"]+/g,
        (token) => between + token,
      );
      assert.equal(print(compact), compact);
      assert.equal(print(spaced + between), compact);
    }));
  });

  it("any two values are the same exactly if they print the same with their members sorted", () => {
    fc.assert(fc.property(document, document, (a, b) => {
      assert.ok(sameJson(parseJson(a), copyJson(parseJson(` ${a}`))));
      assert.equal(sameJson(parseJson(a), parseJson(b)), sorted(a) === sorted(b));
    }));
  });

  it("any text that JSON.parse refuses is refused, and no other for its syntax", () => {
    fc.assert(fc.property(torn, (text) => {
      const legal = (() => {
        try {
          JSON.parse(text);
          return true;
        } catch {
          return false;
        }
      })();
      if (legal) return void print(text);
      assert.match(failure(text), /^Cannot read JSON: .+ at offset \d+$/);
    }));
  });

  it("text that is not UTF-8 is refused in a sentence", () => {
    assert.throws(
      () => decodeUtf8(Uint8Array.of(0x7b, 0xff, 0x7d)),
      (error) =>
        isOciError(error, "corrupt") && error.message === "Cannot read text: it is not UTF-8",
    );
    assert.equal(decodeUtf8(Uint8Array.of(0xef, 0xbb, 0xbf, 0x31)), "\uFEFF1");
  });
});

const space = fc.stringMatching(/^[ \t\n\r]{0,3}$/);
const number = fc.stringMatching(/^-?(0|[1-9][0-9]{0,25})(\.[0-9]{1,20})?([eE][+-]?[0-9]{1,4})?$/);
const word = fc.constantFrom(
  "a",
  "b",
  "mediaType",
  "__proto__",
  "constructor",
  "size",
  "x y",
  "",
  "é",
);
const document = fc.letrec<{ value: string; list: string; members: string }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 4 },
    number,
    fc.constantFrom("true", "false", "null", "0", "2"),
    word.map((text) => JSON.stringify(text)),
    tie("list"),
    tie("members"),
  ),
  list: fc.array(tie("value"), { maxLength: 4 }).map((items) => `[${items.join(",")}]`),
  members: fc.uniqueArray(fc.tuple(word, tie("value")), {
    selector: ([name]) => name,
    maxLength: 4,
  })
    .map((all) => `{${all.map(([name, value]) => `${JSON.stringify(name)}:${value}`).join(",")}}`),
})).value;
const torn = fc.tuple(
  document,
  fc.nat(),
  fc.constantFrom("", '"', "}", "]", ",", ":", "-", "\\", "x"),
)
  .map(([text, at, put]) => text.slice(0, at % (text.length + 1)) + put);

/** A text with the members of every object sorted, its numbers as they were written. */
function sorted(text: string): string {
  const sort = (value: unknown): unknown => {
    if (typeof value !== "object" || value === null || !Object.keys(value).length) return value;
    if (Array.isArray(value)) return value.map(sort);
    return Object.fromEntries(
      Object.entries(value).sort(([a], [b]) => a < b ? -1 : 1)
        .map(([name, one]) => [name, sort(one)]),
    );
  };
  return JSON.stringify(sort(parseJson(text)));
}
