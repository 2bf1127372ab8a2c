import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { type Descriptor, IMAGE_NAME, REF_NAME, TAGGED } from "../../core/descriptor.ts";
import type { Digest } from "../../core/digest.ts";
import { type ErrorCode, isOciError } from "../../core/errors.ts";
import { emptyIndex, type ImageIndex, INDEX_TYPE, rowsBehind } from "../../core/image_index.ts";
import { entriesOf, isUsable, usable } from "../../core/index_entries.ts";
import {
  added,
  entryFor,
  insert,
  remove,
  withoutReference,
  withReference,
} from "../../core/index_edits.ts";
import { parseIndex, printIndex, printSealed } from "../../core/index_text.ts";
import { nameOf } from "../../core/names.ts";
import { generationOf, holdsNonce, signed } from "../../core/nonce.ts";
import { isSealed } from "../../core/sealed_text.ts";
import { fc } from "../fast_check.ts";

const TIME = "2024-01-01T00:00:00.000Z";
const LATER = "2024-01-02T00:00:00.000Z";
const digest = (letter: string): Digest => `sha256:${letter.repeat(64)}`;

/** `a` bare, `a v1` named, `a v1 x=1` with more annotations; `app:v1` is spelled with an image name. */
function entry(text: string): Descriptor {
  const [letter = "", ...rest] = text.split(" ");
  const annotations = rest.flatMap((word) => {
    if (word.includes("=")) return [word.split("=") as [string, string]];
    if (!word.includes(":")) return [[REF_NAME, word]];
    return [[REF_NAME, word.slice(word.lastIndexOf(":") + 1)], [IMAGE_NAME, word]];
  });
  const base = { mediaType: "a/b", digest: digest(letter), size: 1 };
  return annotations.length ? { ...base, annotations: Object.fromEntries(annotations) } : base;
}

const index = (...entries: string[]): ImageIndex => ({
  ...emptyIndex,
  manifests: entries.map(entry),
});

/** The index in the words of `entry`, without the times. */
function words({ manifests }: ImageIndex): string[] {
  return manifests.map((one) => {
    const more = Object.entries(one.annotations ?? {})
      .filter(([name]) => ![REF_NAME, IMAGE_NAME, TAGGED].includes(name))
      .map(([name, value]) => `${name}=${value}`);
    return [one.digest.slice(7, 8), nameOf(one), ...more].filter(Boolean).join(" ");
  });
}

const set = (before: ImageIndex, what: string, name: string, keepPrevious = false) =>
  withReference(before, entryFor(before, name, entry(what), TIME), { keepPrevious });

type Row = readonly [
  what: string,
  before: readonly string[],
  edit: (before: ImageIndex) => ImageIndex,
  after: readonly string[],
];

const EDITS: readonly Row[] = [
  ["a new name goes last", ["a", "b"], (i) => set(i, "c", "v1"), ["a", "b", "c v1"]],
  ["a retag drops the former entry", ["a", "b v1", "c v2"], (i) => set(i, "d", "v1"), [
    "a",
    "c v2",
    "d v1",
  ]],
  ["every duplicate of the name leaves", ["a v1", "b v1", "c", "a v1"], (i) => set(i, "d", "v1"), [
    "c",
    "d v1",
  ]],
  ["a full name is another than its tag", ["a app:v1"], (i) => set(i, "b", "v1"), [
    "a app:v1",
    "b v1",
  ]],
  ["a second name on a digest is a second entry", ["a v1"], (i) => set(i, "a", "v2"), [
    "a v1",
    "a v2",
  ]],
  ["an untagged entry becomes the named one", ["a", "b"], (i) => set(i, "a", "v1"), ["b", "a v1"]],
  ["unless it says more", ["a kind=sig", "a"], (i) => set(i, "a", "v1"), ["a kind=sig", "a v1"]],
  ["or the name says it too", ["a kind=sig"], (i) => set(i, "a kind=sig", "v1"), ["a v1 kind=sig"]],
  ["keepPrevious keeps the former in place", ["a v1 x=1", "b"], (i) => set(i, "c", "v1", true), [
    "a x=1",
    "b",
    "c v1",
  ]],
  ["unless it is listed otherwise", ["a v1", "a v2"], (i) => set(i, "c", "v1", true), [
    "a v2",
    "c v1",
  ]],
  ["and keeps one of two duplicates", ["a v1", "a v1"], (i) => set(i, "c", "v1", true), [
    "a",
    "c v1",
  ]],
  ["and none of the same digest", ["a v1 x=1"], (i) => set(i, "a", "v1", true), ["a v1"]],
  [
    "untagging drops every entry of the name",
    ["a v1", "b", "c v1"],
    (i) => withoutReference(i, "v1"),
    ["b"],
  ],
  [
    "or keeps it without one",
    ["a v1", "b"],
    (i) => withoutReference(i, "v1", { keepPrevious: true }),
    ["a", "b"],
  ],
  ["an unknown name changes nothing", ["a v1"], (i) => withoutReference(i, "v2"), ["a v1"]],
  ["an entry is listed once", ["a"], (i) => insert(insert(i, entry("b")), entry("b")), ["a", "b"]],
  ["a named entry is listed already", ["a v1"], (i) => insert(i, entry("a")), ["a v1"]],
  ["unless it says less", ["a v1"], (i) => insert(i, entry("a kind=sig")), ["a v1", "a kind=sig"]],
  ["listing takes no name along", [], (i) => insert(i, entry("a v1 x=1")), ["a x=1"]],
  ["removing takes every entry of a digest", ["a", "b v1", "a v2"], (i) => remove(i, digest("a")), [
    "b v1",
  ]],
];

describe("edits of an index", () => {
  for (const [what, before, edit, after] of EDITS) {
    it(`${what}: ${before.join(", ") || "nothing"} → ${after.join(", ")}`, () => {
      const first = index(...before);
      const text = JSON.stringify(first);
      assert.deepEqual(words(edit(first)), after);
      assert.equal(JSON.stringify(first), text, "what was passed in was written to");
    });
  }

  it("an edit that changes nothing gives the very same index", () => {
    const before = set(index("a", "b v1", "a v2"), "c", "v3");
    assert.equal(set(before, "c", "v3"), before);
    assert.equal(insert(before, entry("a")), before);
    assert.equal(remove(before, digest("d")), before);
    assert.equal(withoutReference(before, "none"), before);
  });

  it("a name keeps its time while its digest stays", () => {
    const first = set(emptyIndex, "a", "v1");
    const time = (one: Descriptor) => one.annotations?.[TAGGED];
    assert.equal(time(entryFor(first, "v1", entry("a x=1"), LATER)), TIME);
    assert.equal(time(entryFor(first, "v1", entry("b"), LATER)), LATER);
    assert.equal(time(entryFor(first, "v2", entry("a"), LATER)), LATER);
  });

  it("a foreign time that is no text is not taken over", () => {
    const foreign = { ...entry("a v1"), annotations: { [REF_NAME]: "v1", [TAGGED]: 5 } };
    const before = { ...emptyIndex, manifests: [foreign as unknown as Descriptor] };
    assert.ok(isUsable(entryFor(before, "v1", entry("a"), TIME)));
  });

  it("a new entry has the members of the specification in its order, then others, annotations sorted", () => {
    const given = {
      later: 1,
      annotations: { z: "1", a: "2" },
      size: 1,
      digest: digest("a"),
      mediaType: "a/b",
      artifactType: "x/y",
      urls: ["https://a"],
      nothing: undefined,
    };
    const written = JSON.stringify(entryFor(emptyIndex, "v1", given, TIME));
    assert.equal(
      written,
      `{"mediaType":"a/b","digest":"${digest("a")}","size":1,"urls":["https://a"],"annotations":` +
        `{"a":"2","${TAGGED}":"${TIME}","${REF_NAME}":"v1","z":"1"},"artifactType":"x/y","later":1}`,
    );
  });

  it("an entry is a copy: what the caller does to its descriptor afterwards does not show", () => {
    const given = { ...entry("a x=1"), later: { deep: [1] } };
    const after = withReference(emptyIndex, entryFor(emptyIndex, "v1", given, TIME));
    const text = printIndex(after);
    given.later.deep.push(2);
    Object.assign(given.annotations ?? {}, { x: "2" });
    assert.equal(printIndex(after), text);
  });

  it("a descriptor that is no JSON is refused, not listed", () => {
    const given = { ...entry("a"), later: 1n };
    assert.throws(() => entryFor(emptyIndex, "v1", given, TIME), TypeError);
  });

  it("of two entries that lose a name, a broken one does not stand for the other", () => {
    const broken = { ...entry("a v1"), size: -1 };
    const before = { ...emptyIndex, manifests: [broken, entry("a v1")] };
    const after = withoutReference(before, "v1", { keepPrevious: true });
    assert.deepEqual(after.manifests.map(({ size }) => size), [-1, 1]);
  });

  it("the members of an entry that loses its name stay in their order", () => {
    const text =
      `{"schemaVersion":2,"manifests":[{"later":1.0,"annotations":{"b":"1","${REF_NAME}":"v1","a":"2"},` +
      `"digest":"${digest("a")}","size":1,"mediaType":"a/b"}]}`;
    const after = withoutReference(parseIndex(text), "v1", { keepPrevious: true });
    assert.equal(
      printIndex(after),
      `{"schemaVersion":2,"manifests":[{"later":1.0,"annotations":{"b":"1","a":"2"},` +
        `"digest":"${digest("a")}","size":1,"mediaType":"a/b"}],"mediaType":"${INDEX_TYPE}"}`,
    );
  });
});

const UNUSABLE: Readonly<Record<string, unknown>> = {
  "null": null,
  "a number": 5,
  "an array": [],
  "a short digest": { mediaType: "a/b", digest: "sha256:1234", size: 1 },
  "a digest with a path": { mediaType: "a/b", digest: "sha256:../../etc/passwd", size: 1 },
  "a digest of upper case": { mediaType: "a/b", digest: `sha256:${"A".repeat(64)}`, size: 1 },
  "an unknown algorithm": { mediaType: "a/b", digest: `sha1:${"a".repeat(40)}`, size: 1 },
  "no size": { mediaType: "a/b", digest: digest("a") },
  "a size of text": { mediaType: "a/b", digest: digest("a"), size: "1" },
  "a negative size": { mediaType: "a/b", digest: digest("a"), size: -1 },
  "half a byte": { mediaType: "a/b", digest: digest("a"), size: 0.5 },
  "a size of 2^62": { mediaType: "a/b", digest: digest("a"), size: 2 ** 62 },
  "no media type": { digest: digest("a"), size: 1 },
  "an empty media type": { mediaType: "", digest: digest("a"), size: 1 },
  "annotations of numbers": { ...entry("a"), annotations: { x: 1 } },
  "a platform of text": { ...entry("a"), platform: "linux/amd64" },
};

describe("reading an index", () => {
  const broken = (text: string, code: ErrorCode, message: RegExp) =>
    assert.throws(
      () => parseIndex(text),
      (error) => isOciError(error, code) && message.test(error.message),
      text,
    );

  it("what is no index is corrupt, in a sentence that names the document", () => {
    for (
      const text of [
        "garbage",
        "[]",
        "null",
        "5",
        '"x"',
        '{"manifests":{}}',
        '{"manifests":"x"}',
        '{"manifests":[],"annotations":5}',
      ]
    ) {
      broken(text, "corrupt", /^Cannot read .*"index\.json"/);
    }
    broken(
      '{"manifests":[],"manifests":[]}',
      "corrupt",
      /named twice at offset \d+ of "index.json"$/,
    );
    broken("[".repeat(300), "corrupt", /deep/);
  });

  it("another schema version is unsupported; none, 0 and 2 are not", () => {
    for (const version of ["1", "3", '"2"', "2.0", "-2", "true"]) {
      broken(`{"schemaVersion":${version},"manifests":[]}`, "unsupported", /schema version/);
    }
    for (
      const version of ["", '"schemaVersion":0,', '"schemaVersion":null,', '"schemaVersion":2,']
    ) {
      assert.deepEqual(parseIndex(`{${version}"manifests":[]}`).manifests, []);
    }
  });

  it("manifests that are null or absent are none, and printed as an array", () => {
    for (const text of ['{"manifests":null}', "{}"]) {
      assert.deepEqual(parseIndex(text).manifests, []);
      assert.deepEqual(JSON.parse(printIndex(parseIndex(text))), emptyIndex);
    }
  });

  it("members keep their order and their text; what the specification asks for is filled in", () => {
    const text =
      `{"later":9007199254740993,"manifests":[{"size":1.50,"x":{"z":-0,"a":[]}},null],"schemaVersion":2,` +
      `"annotations":{"z":"1","__proto__":"2","a":"3"},"mediaType":"x/y"}`;
    assert.equal(printIndex(parseIndex(text)), text);
    assert.equal(
      printIndex(parseIndex('{"manifests":[],"schemaVersion":0}')),
      `{"manifests":[],"schemaVersion":2,"mediaType":"${INDEX_TYPE}"}`,
    );
  });

  for (const [what, one] of Object.entries(UNUSABLE)) {
    it(`${what} is no entry, and stays as it is beside good ones`, () => {
      const text = JSON.stringify({ ...emptyIndex, manifests: [one, entry("c v1")] });
      const before = parseIndex(text);
      assert.deepEqual(words({ ...before, manifests: usable(before) }), ["c v1"]);
      assert.deepEqual(entriesOf(before, digest("a")), []);
      const after = withoutReference(set(insert(before, entry("d")), "a", "v2"), "v1");
      assert.equal(JSON.stringify(after.manifests[0]), JSON.stringify(one));
      assert.deepEqual(words({ ...after, manifests: after.manifests.slice(1) }), ["d", "a v2"]);
    });
  }
});

describe("what a commit leaves in an index", () => {
  it("the generation goes up by one; nonsense counts as none", () => {
    const one = signed(emptyIndex, "aa.1");
    assert.equal(generationOf(one), 1);
    assert.equal(generationOf(signed(one, "bb.1")), 2);
    for (const odd of ["x", "-5", "1e400", "9007199254740993", ""]) {
      const foreign = { ...emptyIndex, annotations: { "dev.stowage.generation": odd } };
      assert.equal(generationOf(signed(foreign, "aa.1")), 1, odd);
    }
  });

  it("each writer has one slot, the newest first, 48 in all", () => {
    let now = emptyIndex;
    for (let n = 1; n <= 60; n++) now = signed(now, `w${n}.1`);
    now = signed(now, "w60.2");
    const ring = (now.annotations?.["dev.stowage.writers"] ?? "").split(" ");
    assert.equal(ring.length, 48);
    assert.deepEqual(ring.slice(0, 2), ["w60.2", "w59.1"]);
    assert.ok(holdsNonce(now, "w60.2") && !holdsNonce(now, "w60.1") && !holdsNonce(now, "w1.1"));
  });

  it("annotations of others stay", () => {
    const now = signed(parseIndex('{"annotations":{"z":"1","a":2}}'), "aa.1");
    assert.match(
      printIndex(now),
      /^\{"annotations":\{"z":"1","a":2,"dev\.stowage\.generation":"1"/,
    );
  });
});

const letter = fc.constantFrom("a", "b", "c");
const name = fc.constantFrom("v1", "v2", "app:v1", "x/app:v1", "sha256-00.sig");
const legal = fc.tuple(letter, fc.option(name), fc.constantFrom("", " x=1", " y=2"))
  .map(([one, named, more]) => entry(one + (named === null ? "" : ` ${named}`) + more))
  .map((one) => ({ ...one, later: { "2": 1, "1": 2 } }) as Descriptor);
const foreign = fc.oneof(
  { weight: 5, arbitrary: legal },
  { weight: 1, arbitrary: fc.constantFrom(...Object.values(UNUSABLE)) },
) as fc.Arbitrary<Descriptor>;
const anyIndex = fc.tuple(
  fc.array(foreign, { maxLength: 8 }),
  fc.dictionary(fc.string(), fc.jsonValue()),
)
  .map(([manifests, members]): ImageIndex => {
    const { schemaVersion: _, mediaType: __, annotations: ___, ...later } = members;
    return { ...later, schemaVersion: 2, mediaType: INDEX_TYPE, manifests };
  });

describe("any index", () => {
  const named = (wanted: string) => (one: Descriptor) => nameOf(one) === wanted;

  it("printed and read again is the same, to the byte", () => {
    fc.assert(fc.property(anyIndex, (one) => {
      const text = printIndex(one);
      assert.equal(printIndex(parseIndex(text)), text);
    }));
  });

  it("a tag leaves one entry of its name, the last; all others keep order and text", () => {
    fc.assert(
      fc.property(anyIndex, legal, name, fc.boolean(), (before, given, wanted, keepPrevious) => {
        const one = entryFor(before, wanted, given, TIME);
        const after = withReference(before, one, { keepPrevious });
        assert.deepEqual(after.manifests.filter(named(wanted)), [one]);
        const others = before.manifests.filter((other) => nameOf(other) !== wanted);
        const left = after.manifests.filter((other) => before.manifests.includes(other));
        const gone = others.filter((other) => !left.includes(other));
        assert.deepEqual(
          left.filter((other) => !named(wanted)(other)),
          others.filter((other) => !gone.includes(other)),
        );
        for (const other of gone) {
          assert.equal(nameOf(other), undefined);
          assert.equal(other.digest, given.digest);
        }
        const { manifests: _, ...members } = after;
        const { manifests: __, ...former } = before;
        assert.deepEqual(members, former);
      }),
    );
  });

  it("a tag, an untag, an insertion and a removal change nothing when done again", () => {
    fc.assert(fc.property(anyIndex, legal, name, (before, given, wanted) => {
      const again = (edit: (one: ImageIndex) => ImageIndex) => {
        const after = edit(before);
        assert.equal(edit(after), after);
      };
      again((one) => withReference(one, entryFor(one, wanted, given, TIME)));
      again((one) => withoutReference(one, wanted));
      again((one) => withoutReference(one, wanted, { keepPrevious: true }));
      again((one) => insert(one, given));
      again((one) => remove(one, given.digest));
    }));
  });

  it("keepPrevious loses no digest that was listed", () => {
    fc.assert(fc.property(anyIndex, legal, name, (before, given, wanted) => {
      const digests = (one: ImageIndex) => new Set(usable(one).map((other) => other.digest));
      const after = withReference(before, entryFor(before, wanted, given, TIME), {
        keepPrevious: true,
      });
      assert.deepEqual(digests(after), digests(before).union(new Set([given.digest])));
      assert.deepEqual(
        digests(withoutReference(before, wanted, { keepPrevious: true })),
        digests(before),
      );
    }));
  });

  it("equal edits of equal indexes give equal bytes", () => {
    fc.assert(fc.property(anyIndex, legal, name, (before, given, wanted) => {
      const { mediaType, digest, size, ...more } = given;
      const edit = (one: ImageIndex, what: Descriptor) =>
        printIndex(withReference(one, entryFor(one, wanted, what, TIME)));
      assert.equal(
        edit(parseIndex(printIndex(before)), { size, digest, mediaType, ...more }),
        edit(before, given),
      );
    }));
  });

  it("entries kept as text take the same edits to the same text as parsed ones", () => {
    const step = fc.tuple(fc.constantFrom("tag", "untag", "keep", "insert", "remove"), legal, name);
    fc.assert(fc.property(anyIndex, fc.array(step, { maxLength: 6 }), (before, steps) => {
      const sealed = printSealed({ ...before, annotations: { a: "1" } });
      const first = parseIndex(sealed);
      const edited = steps.reduce(
        ({ rows, plain }, [what, given, wanted]) => {
          const edit = (one: ImageIndex) => {
            if (what === "tag") return withReference(one, entryFor(one, wanted, given, TIME));
            if (what === "insert") return insert(one, given);
            if (what === "remove") return remove(one, given.digest);
            return withoutReference(one, wanted, { keepPrevious: what === "keep" });
          };
          return { rows: edit(rows), plain: edit(plain) };
        },
        { rows: first, plain: parseIndex(JSON.stringify(first)) },
      );
      const text = printSealed(edited.rows);
      assert.equal(text, printSealed(edited.plain));
      assert.equal(JSON.stringify(parseIndex(text)), text.replaceAll("\n", ""));
      const texts = (entries: readonly Descriptor[]) => entries.map((one) => JSON.stringify(one));
      const former = texts(first.manifests);
      const isNew = (one: string) => !former.includes(one);
      assert.deepEqual(
        texts(added(first, edited.rows)).filter(isNew).sort(),
        texts(usable(edited.plain)).filter(isNew).sort(),
      );
    }));
  });
});

describe("a sealed text", () => {
  const text = printSealed({
    ...emptyIndex,
    manifests: [entry("a v1"), entry("b")],
    annotations: { x: "1" },
  });

  it("has one entry a line and the seal last, and is JSON that says the same", () => {
    const [head, ...lines] = text.split("\n");
    assert.equal(head, `{"schemaVersion":2,"mediaType":"${INDEX_TYPE}","manifests":[`);
    assert.deepEqual(lines.slice(0, 2).map((line) => JSON.parse(line.replace(/,$/, ""))), [
      entry("a v1"),
      entry("b"),
    ]);
    assert.match(
      lines[2] ?? "",
      /^\],"annotations":\{"x":"1","dev\.stowage\.seal":"[0-9a-f]{64}"\}\}$/,
    );
    assert.deepEqual(JSON.parse(text), JSON.parse(JSON.stringify(parseIndex(text))));
  });

  it("that anyone has touched is read with care: no byte can change unnoticed", () => {
    assert.ok(rowsBehind(parseIndex(text)));
    for (let at = 0; at < text.length; at++) {
      const touched = text.slice(0, at) + (text[at] === "b" ? "c" : "b") + text.slice(at + 1);
      assert.equal(isSealed(touched), false, `at ${at}`);
    }
    assert.equal(isSealed(`${text}\n`), false);
    assert.equal(rowsBehind(parseIndex(`${text}\n`)), undefined);
  });

  it("is sealed anew by the next commit, the old seal gone", () => {
    const again = printSealed(withReference(parseIndex(`${text} `), entry("c v2")));
    assert.ok(isSealed(again));
    assert.equal(again.split("dev.stowage.seal").length, 2);
  });

  it("of no entries is read as such", () => {
    const none = printSealed({ ...emptyIndex, annotations: { x: "1" } });
    assert.ok(isSealed(none));
    const index = parseIndex(none);
    assert.deepEqual(index.manifests, []);
    assert.deepEqual(words(withReference(index, entry("c v2"))), ["c v2"]);
  });
});
