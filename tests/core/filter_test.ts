import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { isOciError } from "../../core/errors.ts";
import { compileFilters } from "../../core/filter.ts";
import { fc } from "../fast_check.ts";

const fields: Readonly<Record<string, string>> = {
  "digest": "sha256:abc",
  "size": "3",
  "labels|k": "v1",
  "labels|a.b/c": "x y",
  "labels|empty": "",
};
const get = (path: readonly string[]) => fields[path.join("|")];
const match = (...filters: string[]) => compileFilters(filters)(get);

const ANSWERS: readonly (readonly [filters: readonly string[], answer: boolean, why: string])[] = [
  [[], true, "none matches all"],
  [[""], true, "an empty one matches all"],
  [["size==4", ""], true, "any of several may match"],
  [["size==3"], true, "equal"],
  [["size==4"], false, "not equal"],
  [["size==3,digest==sha256:abc"], true, "all selectors must match"],
  [["size==3,digest==sha256:abd"], false, "all selectors must match"],
  [["size==4", "labels.k==v1"], true, "any filter must match"],
  [["size"], true, "present"],
  [["labels.k"], true, "present label"],
  [["labels.none"], false, "absent label"],
  [["labels"], false, "labels are no field by themselves"],
  [["digest.x"], false, "a digest has no members"],
  [["other"], false, "another field"],
  [["labels.empty"], true, "present though empty"],
  [["labels.none!=x"], true, "unequal, as it is absent"],
  [["labels.none==x"], false, "absent is equal to nothing"],
  [["labels.none~=.*"], false, "absent matches nothing"],
  [["labels.k!=v1"], false, "not unequal"],
  [["labels.k!=v2"], true, "unequal"],
  [['labels."a.b/c"=="x y"'], true, "quoted field and value"],
  [['"labels"."k"=="v1"'], true, "everything quoted"],
  [['labels.k=="\\x76\\u0031"'], true, "escapes of Go"],
  [['labels.k=="\\166\\U00000031"'], true, "octal and long escapes"],
  [["digest~=^sha256:"], true, "pattern"],
  [["digest~=ab"], true, "patterns are not anchored"],
  [["digest~=^ab"], false, "unless they say so"],
  [["digest~=/^sha.*c$/"], true, "pattern between slashes"],
  [["digest~=/a,b/"], false, "a comma within slashes belongs to the pattern"],
  [["digest~=|a{1,2}b|,size==3"], true, "pattern between bars, and more"],
  [['digest~="^sha\\\\d+"'], true, "pattern in quotes"],
  [["digest~=\\p{L}"], true, "patterns know Unicode"],
  [["labels.k==v1,labels.k!=v2,labels.k~=v."], true, "three of one field"],
];

const ERRORS: readonly (readonly [filter: string, position: number, why: string])[] = [
  ["size==3,", 8, "trailing comma"],
  [",size==3", 0, "leading comma"],
  ["size==3,,size==3", 8, "empty selector"],
  ["labels.", 7, "no key"],
  [".k", 0, "no field"],
  ["size==", 6, "no value"],
  ["size!=,digest", 6, "no value"],
  ["digest~=", 8, "no pattern"],
  ['labels."k', 7, "quote without an end, field"],
  ['size=="3', 6, "quote without an end, value"],
  ["digest~=/ab", 8, "slash without an end"],
  ["digest~=|ab", 8, "bar without an end"],
  ["size==/3/", 6, "slashes in a place of a value"],
  ["size==|3|", 6, "bars in a place of a value"],
  ["size=3", 4, "half an operator"],
  ["size<3", 4, "no such operator"],
  ["size == 3", 4, "white space"],
  ["size==3 ", 7, "white space at the end"],
  ["digest~=[", 8, "no pattern"],
  ["digest~=/(/", 8, "no pattern between slashes"],
  ["digest~=\\-", 8, "an escape that Unicode patterns do not know"],
  ["1size", 0, "a digit first"],
  ["_size", 0, "an underscore first"],
  ['size=="3"4', 9, "text after a quote"],
  ['labels."\\q"', 9, "unknown escape"],
  ['labels."\\xff"', 9, "a byte that is no character"],
  ['labels."\\ud800"', 9, "half a character"],
  ['labels."\\U00110000"', 9, "past the last character"],
];

function problem(filter: string): string {
  try {
    compileFilters(["", filter]);
  } catch (error) {
    if (isOciError(error, "invalid")) return error.message;
    throw error;
  }
  assert.fail(`${filter} was read`);
}

describe("filters", () => {
  for (const [filters, answer, why] of ANSWERS) {
    it(`${JSON.stringify(filters)} ${answer ? "matches" : "does not match"}: ${why}`, () => {
      assert.equal(match(...filters), answer);
    });
  }
  for (const [filter, position, why] of ERRORS) {
    it(`${filter} is invalid at ${position}: ${why}`, () => {
      assert.match(problem(filter), new RegExp(`at position ${position}$`));
    });
  }

  it("any text is a filter or invalid with a position in it", () => {
    const pieces = [
      ...'abk.,=!~"/|\\ \t0_-:[]()*',
      "==",
      "!=",
      "~=",
      "labels",
      "size",
      '"k"',
      "/x/",
      "\\x41",
      "\u{1f600}",
    ];
    const text = fc.oneof(
      fc.array(fc.constantFrom(...pieces), { maxLength: 12 }).map((parts) => parts.join("")),
      fc.string({ unit: "binary", maxLength: 20 }),
    );
    fc.assert(
      fc.property(text, (filter) => {
        try {
          assert.equal(typeof compileFilters([filter])(get), "boolean");
        } catch (error) {
          assert.ok(isOciError(error, "invalid"), String(error));
          const [, position = "none"] = /at position (\d+)$/.exec(error.message) ?? [];
          assert.ok(Number(position) <= filter.length, error.message);
        }
      }),
      { numRuns: 400 },
    );
  });

  it("a quoted field and value of any text match just that text", () => {
    fc.assert(
      fc.property(fc.string({ unit: "grapheme" }), fc.string(), (key, value) => {
        const matches = compileFilters([`labels.${JSON.stringify(key)}==${JSON.stringify(value)}`]);
        assert.ok(matches((path) => path[1] === key ? value : undefined));
        assert.ok(!matches((path) => path[1] === key ? `${value}!` : undefined));
      }),
    );
  });
});
