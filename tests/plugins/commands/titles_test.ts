import assert from "node:assert/strict";
import { test } from "node:test";
import { clashOf, partsOf, whyNotTitle } from "../../../plugins/commands/titles.ts";

test("a title that leads out of the folder, or to no file, is never written by", () => {
  const hostile = {
    "../x": /leaves/,
    "a/../../x": /leaves/,
    "..": /leaves/,
    "/etc/passwd": /absolute/,
    "C:x": /drive/,
    "C:/x": /drive/,
    "a\0b": /NUL/,
    "": /no file/,
    ".": /no file/,
    "a/": /no file/,
  };
  for (const [title, why] of Object.entries(hostile)) {
    assert.match(whyNotTitle(title, false) ?? "written", why, JSON.stringify(title));
    assert.ok(whyNotTitle(title, true), JSON.stringify(title));
  }
});

test("what only Windows reads otherwise is refused there alone", () => {
  const titles = [
    "a\\b",
    "..\\x",
    "con",
    "CON.txt",
    "dir/nul",
    "com1.log",
    "lpt\u00b2",
    "a:stream",
    "a.",
    "a ",
    "a|b",
    "a\nb",
  ];
  for (const title of titles) {
    if (title !== "a:stream") assert.equal(whyNotTitle(title, false), undefined, title);
    assert.ok(whyNotTitle(title, true), title);
  }
  for (const title of ["console", "a/b.txt", "nullable.md", "..a", "a..b", "ä/☃.txt"]) {
    assert.equal(whyNotTitle(title, true), undefined, title);
  }
});

test("titles that some system takes for the same file, or for file and folder, clash", () => {
  for (
    const titles of [
      ["a", "a"],
      ["a", "./a"],
      ["Makefile", "makefile"],
      ["\u00e9", "e\u0301"],
      ["stra\u00dfe", "STRASSE"],
      ["a", "A/b"],
      ["a/b/c", "a/B"],
      ["x", "a/b", "a/b/c"],
    ]
  ) assert.equal(clashOf(titles)?.[1], titles.at(-1), titles.join(" "));
  assert.equal(clashOf(["a", "b", "c/a", "c/b", "ab"]), undefined);
});

test("a title is read as a path below the folder", () => {
  assert.deepEqual(partsOf("./a//b/./c"), ["a", "b", "c"]);
});
