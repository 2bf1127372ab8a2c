import assert from "node:assert/strict";
import { it } from "node:test";
import { closest, didYouMean } from "../../../plugins/commands/suggest.ts";
import {
  bytes,
  cells,
  clip,
  columns,
  seconds,
  visible,
  wrap,
} from "../../../plugins/commands/text.ts";
import { fc } from "../../fast_check.ts";

it("bytes are told in binary units with one decimal", () => {
  const rows: readonly [number, string][] = [
    [0, "0 B"],
    [1023, "1023 B"],
    [1024, "1.0 KiB"],
    [1536, "1.5 KiB"],
    [1024 ** 2 - 1, "1.0 MiB"],
    [629145600, "600.0 MiB"],
    [1288490189, "1.2 GiB"],
    [2 ** 53, "8.0 PiB"],
  ];
  for (const [count, text] of rows) assert.equal(bytes(count), text);
});

it("seconds are told by what they add up to", () => {
  assert.deepEqual([12.44, 75, 7260].map(seconds), ["12.4 s", "1 min 15 s", "2 h 1 min"]);
});

it("no name can steer a terminal or turn its text around", () => {
  assert.equal(visible("a\x1b[31m\n\u202eb\u0085"), "a\\u{1b}[31m\\u{a}\\u{202e}b\\u{85}");
  assert.equal(visible("käse 日本 🙂"), "käse 日本 🙂");
  fc.assert(fc.property(fc.string({ unit: "binary" }), (text) => {
    assert.doesNotMatch(visible(text), /[\p{Cc}\u202a-\u202e\u2066-\u2069]/u);
  }));
});

it("columns stand under each other, wide characters counted", () => {
  assert.deepEqual(columns([["日本", "x"], ["abcde", "y"], ["a"]]), ["日本   x", "abcde  y", "a"]);
});

it("clipped text fits", () => {
  assert.equal(clip("日本語", 5), "日本");
  fc.assert(
    fc.property(fc.string({ unit: "grapheme", maxLength: 20 }), fc.nat(20), (text, width) => {
      assert.ok(cells(clip(text, width)) <= width);
      assert.ok(text.startsWith(clip(text, width)));
    }),
  );
});

it("wrapped text keeps its words", () => {
  assert.deepEqual(wrap("one two three", 7), ["one two", "three"]);
});

it("a slip of the finger finds its word, a stranger none", () => {
  const words = ["list", "tag", "untag", "inspect", "ingest", "init"];
  assert.deepEqual(closest("lsit", words), ["list"]);
  assert.deepEqual(closest("inpect", words), ["inspect", "ingest"]);
  assert.deepEqual(closest("tga", words), ["tag"]);
  assert.deepEqual(closest("list", words), []);
  assert.deepEqual(closest("xy", words), []);
  assert.equal(closest("abcd1", ["abcd2", "abcd3", "abcd4", "abcd5"]).length, 3);
  assert.equal(didYouMean("frobnicate", words), "");
  assert.equal(didYouMean("lsit", words), '; did you mean "list"?');
});
