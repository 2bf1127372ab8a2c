import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { describe, it, test } from "node:test";
import { askerOf, prepare, sendTo } from "./asker.ts";
import { unchunk } from "./chunked.ts";
import { parseTarget, type S3Request, utf8 } from "./message.ts";
import { personality } from "./personalities.ts";
import { Problem } from "./problem.ts";
import { start } from "./server.ts";
import { verify } from "./signature.ts";

const NOW = Date.UTC(2013, 4, 24);
const EMPTY = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
const switches = personality("aws", {
  auth: {
    keys: [{
      accessKey: "AKIAIOSFODNN7EXAMPLE",
      secretKey: "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
    }],
  },
});
const SCOPE = "AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request";

interface Example {
  readonly method?: string;
  readonly target: string;
  readonly body?: string;
  readonly signature: string;
  readonly headers: Record<string, string>;
}

/** The worked examples of "Authenticating Requests" in the documents of S3, signatures and all. */
const examples: Record<string, Example> = {
  "GET an object": {
    target: "/test.txt",
    signature: "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41",
    headers: { range: "bytes=0-9", "x-amz-content-sha256": EMPTY },
  },
  "PUT an object": {
    method: "PUT",
    target: "/test$file.text",
    body: "Welcome to Amazon S3.",
    signature: "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd",
    headers: {
      date: "Fri, 24 May 2013 00:00:00 GMT",
      "x-amz-content-sha256": "44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072",
      "x-amz-storage-class": "REDUCED_REDUNDANCY",
    },
  },
  "GET the lifecycle of a bucket": {
    target: "/?lifecycle",
    signature: "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543",
    headers: { "x-amz-content-sha256": EMPTY },
  },
  "list objects": {
    target: "/?max-keys=2&prefix=J",
    signature: "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7",
    headers: { "x-amz-content-sha256": EMPTY },
  },
};

function requestOf({ method = "GET", target, body = "", signature, headers }: Example): S3Request {
  const all: Record<string, string> = {
    host: "examplebucket.s3.amazonaws.com",
    "x-amz-date": "20130524T000000Z",
    ...headers,
  };
  const names = Object.keys(all).sort().join(";");
  const authorization =
    `AWS4-HMAC-SHA256 Credential=${SCOPE},SignedHeaders=${names},Signature=${signature}`;
  return {
    method,
    ...parseTarget(target),
    headers: { ...all, authorization },
    body: utf8(body),
    arrived: 0,
  };
}

describe("signatures", () => {
  for (const [name, example] of Object.entries(examples)) {
    it(`the published example holds: ${name}`, () => {
      assert.equal(verify(requestOf(example), switches, NOW)?.accessKey, "AKIAIOSFODNN7EXAMPLE");
      const other = {
        ...example,
        signature: example.signature.replace(/./, (digit) => digit === "0" ? "1" : "0"),
      };
      assert.throws(() => verify(requestOf(other), switches, NOW), {
        code: "SignatureDoesNotMatch",
      });
    });
  }

  const presigned = requestOf({ target: "/", signature: "", headers: {} });
  const target = "/test.txt?X-Amz-Algorithm=AWS4-HMAC-SHA256" +
    `&X-Amz-Credential=${
      encodeURIComponent(SCOPE)
    }&X-Amz-Date=20130524T000000Z&X-Amz-Expires=86400` +
    "&X-Amz-SignedHeaders=host" +
    "&X-Amz-Signature=aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404";
  const asked = {
    ...presigned,
    ...parseTarget(target),
    headers: { host: "examplebucket.s3.amazonaws.com" },
  };

  it("the published example holds: a presigned GET, for as long as it says", () => {
    assert.ok(verify(asked, switches, NOW));
    assert.ok(verify(asked, switches, NOW + 86_400_000));
    assert.throws(() => verify(asked, switches, NOW + 86_400_001), { code: "AccessDenied" });
    assert.throws(() => verify(asked, switches, NOW - 16 * 60_000), { code: "AccessDenied" });
  });

  it("the published example holds: a PUT in signed chunks, each of them", () => {
    const chunk = (size: number, signature: string) =>
      `${size.toString(16)};chunk-signature=${signature}\r\n${"a".repeat(size)}\r\n`;
    const body = chunk(65536, "ad80c730a21e5b8d04586a2213dd63b9a0e99e0e2307b0ade35a65485a288648") +
      chunk(1024, "0055627c9e194cb4542bae2aa5492e3c1575bbb81b612b7d234b86a503ef5497") +
      chunk(0, "b6c6ea8a5354eaf15b3cb7646744f4275b71ea724fed81ceb9323e279d449df9");
    const request = requestOf({
      method: "PUT",
      target: "/examplebucket/chunkObject.txt",
      body,
      signature: "4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9",
      headers: {
        host: "s3.amazonaws.com",
        "content-encoding": "aws-chunked",
        "content-length": "66824",
        "x-amz-content-sha256": "STREAMING-AWS4-HMAC-SHA256-PAYLOAD",
        "x-amz-decoded-content-length": "66560",
        "x-amz-storage-class": "REDUCED_REDUNDANCY",
      },
    });
    const signed = verify(request, switches, NOW);
    assert.equal(unchunk(request, signed).body.length, 66560);
    const damaged = { ...request, body: utf8(body.replace("aaa", "aab")) };
    assert.throws(() => unchunk(damaged, signed), { code: "SignatureDoesNotMatch" });
  });

  it("a signature lives 15 minutes either way", () => {
    const request = requestOf(examples["GET an object"] ?? assert.fail());
    for (const minutes of [-14.9, 14.9]) {
      assert.ok(verify(request, switches, NOW + minutes * 60_000));
    }
    for (const minutes of [-15.1, 15.1]) {
      assert.throws(
        () => verify(request, switches, NOW + minutes * 60_000),
        (error) => error instanceof Problem && error.code === "RequestTimeTooSkewed",
      );
    }
  });
});

test("signatures: odd keys, queries and a session token hold in both forms", async () => {
  await using server = await start({
    switches: { auth: { keys: [{ accessKey: "a:b", secretKey: "s", token: "to+ken/=" }] } },
  });
  const place = { ...server, token: "to+ken/=" };
  const ask = askerOf(place);
  for (const key of ["a b", "+&=?#%25", "ü/ß/日本", "'()*!~", 'q"<>', "%2e/x"]) {
    assert.equal((await ask("PUT", `/test/${key}`, { body: key })).status, 200, key);
    assert.equal((await ask("GET", `/test/${key}`)).text, key);
    const presigned = prepare(place, "GET", `/test/${key}`, { expires: 10 });
    assert.equal((await sendTo(place, presigned)).text, key);
  }
  const other = await askerOf({ ...place, token: "other" })("GET", "/test/x");
  assert.deepEqual([other.status, other.code], [400, "InvalidToken"]);
});

test("signatures: nobody, a wrong secret, an ended token and a header left out are told apart", async () => {
  await using server = await start();
  const ask = askerOf(server);
  const codeOf = async (reply: ReturnType<typeof ask>) => (await reply).code;
  assert.equal(await codeOf(ask("GET", "/test/x", { anonymous: true })), "AccessDenied");
  assert.equal(
    await codeOf(
      ask("GET", "/test/x", { payload: createHash("sha256").update("y").digest("hex") }),
    ),
    "XAmzContentSHA256Mismatch",
  );
  const wrong = askerOf({ ...server, secretKey: "other" });
  assert.equal(await codeOf(wrong("GET", "/test/x")), "SignatureDoesNotMatch");
  const unsigned = prepare(server, "GET", "/test/x", { headers: { "x-amz-a": "b" }, expires: 9 });
  assert.equal((await sendTo(server, unsigned)).code, "AccessDenied");
  server.faults.add({ nth: 2, fault: { kind: "expire" } });
  assert.equal(await codeOf(ask("GET", "/test/x")), "NoSuchKey");
  assert.equal(await codeOf(ask("GET", "/test/x")), "ExpiredToken");
  assert.equal(await codeOf(ask("GET", "/test/x")), "ExpiredToken");
});
