import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { isOciError, systemClock } from "../../../core/mod.ts";
import { packStamp, type Stamp, unpackStamp } from "../../../plugins/s3/ability.ts";
import { parseAddress } from "../../../plugins/s3/address.ts";
import { renewing } from "../../../plugins/s3/credentials.ts";
import { encodeKey } from "../../../plugins/s3/keys.ts";
import { createServerTime } from "../../../plugins/s3/server_time.ts";
import { withoutTail, withTail } from "../../../plugins/s3/tail.ts";
import { failureOf, remedyOf, troubleOf } from "../../../plugins/s3/trouble.ts";
import { childrenOf, escapeXml, parseXml, textOf } from "../../../plugins/s3/xml.ts";
import { fakeClock } from "../../contract/clock.ts";
import { fc } from "../../fast_check.ts";

const utf8 = (text: string) => new TextEncoder().encode(text);

describe("addresses of buckets", () => {
  it("tell bucket, prefix and all that stands in the query", () => {
    const text = "s3://images/team%20a/app?endpoint=http://127.0.0.1:9000&region=eu-west-1" +
      "&style=host&profile=ci&anonymous=true&writers=1&ca=/etc/ca.pem";
    const { url: _, endpoint, ...address } = parseAddress(new URL(text));
    assert.equal(endpoint?.origin, "http://127.0.0.1:9000");
    assert.deepEqual(address, {
      bucket: "images",
      prefix: "team a/app/",
      region: "eu-west-1",
      style: "host",
      profile: "ci",
      anonymous: true,
      alone: true,
      ca: "/etc/ca.pem",
    });
    assert.equal(parseAddress(new URL("s3://images")).prefix, "");
    assert.equal(parseAddress(new URL("s3://images/")).prefix, "");
  });

  for (
    const wrong of [
      "s3:///prefix",
      "s3://b/p?colour=red",
      "s3://b/p?region=a&region=b",
      "s3://b/p?style=virtual",
      "s3://b/p?writers=2",
      "s3://b/p?endpoint=ftp://x",
      "s3://b/p?endpoint=http://user:secret@x",
      "s3://user:secret@bucket/p",
      "s3://bucket/a//b",
      "s3://bucket/a%5Cb",
      "s3://bucket/a%0Ab",
      `s3://bucket/${"x".repeat(1025)}`,
    ]
  ) {
    it(`${wrong.slice(0, 40)} is an error of usage, and shows no secret`, () => {
      try {
        parseAddress(new URL(wrong));
      } catch (error) {
        assert.ok(isOciError(error, "invalid") && error.reason === "usage");
        assert.ok(!error.message.includes("secret"));
        return;
      }
      assert.fail("it was read");
    });
  }

  it("keys are encoded so that signers and servers agree", () => {
    assert.equal(encodeKey("a b/+&=ü'(1)*!"), "a%20b/%2B%26%3D%C3%BC%27%281%29%2A%21");
    for (const bad of ["", "/a", "a/", "a//b", "./a", "a/..", "a\u0000", "\ud800"]) {
      assert.throws(() => encodeKey(bad), (error) => isOciError(error, "invalid"), bad);
    }
  });
});

describe("stored documents", () => {
  const stamp: Stamp = {
    ability: {
      tier: "commit",
      quoted: false,
      deleteBound: 60_000,
      exactDelete: true,
      batch: "single",
    },
    marked: true,
  };
  const now = systemClock.now();

  it("give back any text, and what the writer knew, at the same place alone", () => {
    fc.assert(fc.property(fc.string({ unit: "binary" }), (text) => {
      const stored = withTail({ text, stamp }, "here", systemClock);
      assert.deepEqual(withoutTail(stored, "here", now), { text, stamp });
      assert.deepEqual(withoutTail(stored, "elsewhere", now), { text, stamp: undefined });
    }));
  });

  it("that were removed say nothing; those of other programs are all text", () => {
    const grave = withTail({ text: undefined }, "here", systemClock);
    assert.equal(withoutTail(grave, "here", now).text, undefined);
    for (const text of ["", "{}", "{}\n", "\n \t\n", " ".repeat(129)]) {
      assert.equal(withoutTail(utf8(text), "here", now).text, text);
    }
  });

  it("of equal text differ", () => {
    const stored = Array.from({ length: 50 }, () => withTail({ text: "{}" }, "", systemClock));
    assert.equal(new Set(stored.map((bytes) => String(bytes))).size, 50);
  });

  it("are believed for thirty days", () => {
    const packed = packStamp(stamp, now);
    assert.deepEqual(unpackStamp(packed, now + 29 * 86_400_000), stamp);
    assert.equal(unpackStamp(packed, now + 32 * 86_400_000), undefined);
  });
});

describe("what servers say", () => {
  it("XML is read with entities, CDATA, prefixes and a mark, and nothing else", () => {
    const text =
      '\ufeff<?xml version="1.0"?><s3:R xmlns:s3="x"><!-- c --><s3:K>a&amp;&#x41;&apos;' +
      "</s3:K><K><![CDATA[<b>]]></K><E/></s3:R>";
    const root = parseXml(text) ?? assert.fail();
    assert.deepEqual([root.name, textOf(root, "K")], ["R", "a&A'"]);
    assert.deepEqual(childrenOf(root, "K").map(({ text }) => text), ["a&A'", "<b>"]);
    for (const bad of ["", "text", "<a>", "<a></b>", "<a/><b/>", "<a", "<a>".repeat(50)]) {
      assert.equal(parseXml(bad), undefined, bad);
    }
  });

  it("text survives an element, whatever it holds", () => {
    fc.assert(fc.property(fc.string({ unit: "grapheme" }), (text) => {
      assert.equal(parseXml(`<a>${escapeXml(text)}</a>`)?.text, text);
    }));
    fc.assert(fc.property(fc.string(), (text) => void parseXml(text)));
  });

  it("errors are told apart, with bucket and endpoint", () => {
    const where = { url: "s3://b/p", bucket: "b", endpoint: "http://e" };
    const say = (status: number, code: string, message = "", header = {}) => {
      const body = utf8(`<Error><Code>${code}</Code><Message>${message}</Message></Error>`);
      return troubleOf(status, header, body);
    };
    const locked = say(
      403,
      "AccessDenied",
      "Access Denied because object protected by object lock",
    );
    const cases = [
      [say(403, "SignatureDoesNotMatch"), "refused", "secret"],
      [say(403, "InvalidAccessKeyId"), "refused", "access_key"],
      [say(404, "NoSuchBucket"), "not_found", "bucket"],
      [say(403, "AccessDenied"), "refused", "access"],
      [locked, "refused", "object_lock"],
      [say(403, "QuotaExceeded"), "unavailable", "quota"],
      [say(400, "ExpiredToken"), "refused", "expired"],
      [say(403, "RequestTimeTooSkewed"), "refused", "clock"],
      [say(301, "PermanentRedirect", "", { "x-amz-bucket-region": "r" }), "refused", "region"],
      [say(403, "InvalidObjectState"), "unavailable", "archived"],
    ] as const;
    const sentences = new Set<string>();
    for (const [trouble, code, reason] of cases) {
      const error = failureOf(trouble, "store it", where);
      assert.deepEqual([error.code, error.reason], [code, reason]);
      assert.match(error.message, /^Cannot store it in bucket "b" at http:\/\/e: \S/);
      sentences.add(error.message);
    }
    assert.equal(sentences.size, cases.length);
    assert.equal(remedyOf(say(500, "InternalError")), "again");
    assert.equal(remedyOf(say(503, "SlowDown")), "slower");
    assert.equal(remedyOf(say(501, "NotImplemented")), "none");
  });
});

describe("credentials that end", () => {
  it("are fetched once for all who wait, and anew before they end or when they were refused", async () => {
    let fetched = 0;
    let now = 0;
    const source = renewing(() => {
      const n = ++fetched;
      const expiration = new Date(now + 3_600_000);
      return Promise.resolve({ accessKeyId: `${n}`, secretAccessKey: "", expiration });
    }, { ...systemClock, now: () => now });
    await Promise.all([source(), source(), source()]);
    assert.equal(fetched, 1);
    now = 3_600_000 - 299_000;
    assert.equal((await source())?.accessKeyId, "2");
    assert.equal((await source())?.accessKeyId, "2");
    assert.equal((await source(true))?.accessKeyId, "3");
  });

  it("whose source fails are asked for again", async () => {
    let fetched = 0;
    const source = renewing(() => {
      if (++fetched === 1) throw new Error("not now");
      return Promise.resolve({ accessKeyId: "a", secretAccessKey: "b" });
    }, systemClock);
    await assert.rejects(source(), /not now/);
    assert.equal((await source())?.accessKeyId, "a");
  });
});

describe("the time of a server", () => {
  const clock = fakeClock();
  const said = () => new Date(clock.now()).toUTCString();

  it("never goes back, though answers tell whole seconds", async () => {
    const time = createServerTime(clock);
    time.learn(said());
    for (let n = 0; n < 50; n++) {
      await clock.advance(70);
      const before = time.now() ?? assert.fail();
      time.learn(said());
      const now = time.now() ?? assert.fail();
      assert.ok(now >= before && now > clock.now() - 1_000 && now <= clock.now());
    }
  });

  it("follows a clock that was set back", () => {
    const time = createServerTime(clock);
    time.learn(said());
    const earlier = new Date(clock.now() - 60_000).toUTCString();
    time.learn(earlier);
    assert.equal(time.now(), Date.parse(earlier));
  });
});
