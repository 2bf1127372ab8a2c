import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { createHash } from "node:crypto";
import { get } from "node:http";
import { describe, it } from "node:test";
import { type Ask, askerOf, prepare } from "./asker.ts";
import type { Changes } from "./switches.ts";
import { type S3Server, start } from "./server.ts";
import { all, readXml, textOf } from "./xml.ts";

async function withServer(
  body: (ask: Ask, server: S3Server) => Promise<void>,
  switches: Changes = {},
): Promise<void> {
  await using server = await start({ switches });
  await body(askerOf(server), server);
}

const xmlOf = (text: string) => readXml(text) ?? assert.fail(`No XML: ${text}`);
const textsOf = (text: string, list: string, name: string) =>
  all(xmlOf(text), list).map((entry) => textOf(entry, name) ?? "");

/** All keys, page by page, as the tokens lead. */
async function listAll(ask: Ask, query: Record<string, string> = {}) {
  const [keys, folders]: [string[], string[]] = [[], []];
  let [pages, token]: [number, string | undefined] = [0, undefined];
  do {
    const more: Record<string, string> = token === undefined ? {} : { "continuation-token": token };
    const { text } = await ask("GET", "/test", { query: { "list-type": "2", ...query, ...more } });
    keys.push(...textsOf(text, "Contents", "Key"));
    folders.push(...textsOf(text, "CommonPrefixes", "Prefix"));
    token = textOf(xmlOf(text), "NextContinuationToken");
    assert.equal(textOf(xmlOf(text), "IsTruncated"), String(token !== undefined));
    pages++;
  } while (token !== undefined);
  return { keys, folders, pages };
}

async function upload(ask: Ask, key: string, parts: readonly string[], headers = {}) {
  const created = xmlOf(
    (await ask("POST", `/test/${key}`, { query: { uploads: "" }, headers })).text,
  );
  const uploadId = textOf(created, "UploadId") ?? "";
  const etags: string[] = [];
  for (const [i, body] of parts.entries()) {
    const query = { uploadId, partNumber: String(i + 1) };
    etags.push((await ask("PUT", `/test/${key}`, { query, body })).etag);
  }
  const named = etags.map((etag, i) =>
    `<Part><PartNumber>${i + 1}</PartNumber><ETag>${etag}</ETag></Part>`
  );
  const complete = `<CompleteMultipartUpload>${named.join("")}</CompleteMultipartUpload>`;
  return { uploadId, etags, complete };
}

describe("objects", () => {
  it("keep headers, metadata and checksums, and HEAD says what GET says", () =>
    withServer(async (ask) => {
      const headers = {
        "content-type": "text/plain",
        "content-encoding": "gzip",
        "cache-control": "no-store",
        "x-amz-meta-who": "me",
        "x-amz-checksum-sha256": createHash("sha256").update("text").digest("base64"),
      };
      const put = await ask("PUT", "/test/a", { headers, body: "text" });
      assert.equal(put.etag, createHash("md5").update("text").digest("hex"));
      const shown = { headers: { "x-amz-checksum-mode": "ENABLED" } };
      const [head, get] = [await ask("HEAD", "/test/a", shown), await ask("GET", "/test/a", shown)];
      for (const [name, value] of Object.entries(headers)) {
        assert.equal(get.headers[name], value, name);
      }
      const stable = ({ headers }: typeof head) =>
        Object.entries(headers).filter(([name]) =>
          !/^(date|x-amz-id-2|x-amz-request-id)$/.test(name)
        ).sort();
      assert.deepEqual(stable(head), stable(get));
      assert.deepEqual([head.text, get.text], ["", "text"]);
    }));

  it("every checksum is checked and shown", () =>
    withServer(async (ask) => {
      // Of "123456789", as the catalogues of checksums give them.
      const known = {
        crc32: "cbf43926",
        crc32c: "e3069283",
        crc64nvme: "ae8b14860a799888",
        sha1: createHash("sha1").update("123456789").digest("hex"),
        sha256: createHash("sha256").update("123456789").digest("hex"),
      };
      for (const [name, hex] of Object.entries(known)) {
        const header = `x-amz-checksum-${name}`;
        const good = Buffer.from(hex, "hex").toString("base64");
        const reply = await ask("PUT", "/test/c", {
          headers: { [header]: good },
          body: "123456789",
        });
        assert.deepEqual([reply.status, reply.headers[header]], [200, good], name);
        const bad = await ask("PUT", "/test/c", { headers: { [header]: good }, body: "12345678" });
        assert.equal(bad.code, "BadDigest", name);
      }
    }));

  it("are read in ranges, conditionally, and by part", () =>
    withServer(async (ask) => {
      const big = "x".repeat(5 << 20);
      const { uploadId, complete } = await upload(ask, "m", [big, "tail"]);
      await ask("POST", "/test/m", { query: { uploadId }, body: complete });
      const range = async (range: string) => await ask("GET", "/test/m", { headers: { range } });
      const last = await range("bytes=-6");
      assert.deepEqual([last.status, last.text], [206, "xxtail"]);
      assert.equal(
        last.headers["content-range"],
        `bytes ${big.length - 2}-${big.length + 3}/${big.length + 4}`,
      );
      assert.equal((await range(`bytes=${big.length}-`)).text, "tail");
      assert.equal((await range(`bytes=${big.length + 4}-`)).status, 416);
      const part = await ask("GET", "/test/m", { query: { partNumber: "2" } });
      assert.deepEqual([part.status, part.text], [206, "tail"]);
      const { etag } = part;
      assert.equal(
        (await ask("GET", "/test/m", { headers: { "if-none-match": `"${etag}"` } })).status,
        304,
      );
      assert.equal((await ask("HEAD", "/test/m", { headers: { "if-match": '"x"' } })).status, 412);
    }));

  it("a copy brings metadata along or new ones, and refuses to be nothing but itself", () =>
    withServer(async (ask) => {
      await ask("PUT", "/test/a b+c", { headers: { "x-amz-meta-a": "1" }, body: "text" });
      const source = { "x-amz-copy-source": "/test/a%20b%2Bc" };
      assert.equal((await ask("PUT", "/test/b", { headers: source })).status, 200);
      assert.equal((await ask("GET", "/test/b")).headers["x-amz-meta-a"], "1");
      const replaced = { ...source, "x-amz-metadata-directive": "REPLACE", "x-amz-meta-a": "2" };
      await ask("PUT", "/test/b", { headers: replaced });
      const { text, headers } = await ask("GET", "/test/b");
      assert.deepEqual([text, headers["x-amz-meta-a"]], ["text", "2"]);
      assert.equal((await ask("PUT", "/test/a b+c", { headers: source })).code, "InvalidRequest");
      const none = { "x-amz-copy-source": "/test/none" };
      assert.equal((await ask("PUT", "/test/b", { headers: none })).code, "NoSuchKey");
    }));

  it("with versions every write and delete is kept, and one can be taken away", () =>
    withServer(async (ask) => {
      const versionOf = async (reply: ReturnType<Ask>) =>
        (await reply).headers["x-amz-version-id"] ?? "";
      const first = await versionOf(ask("PUT", "/test/v", { body: "1" }));
      const second = await versionOf(ask("PUT", "/test/v", { body: "2" }));
      const marker = await versionOf(ask("DELETE", "/test/v"));
      assert.equal(new Set([first, second, marker]).size, 3);
      assert.equal((await ask("GET", "/test/v")).status, 404);
      assert.equal((await ask("GET", "/test/v", { query: { versionId: first } })).text, "1");
      const { text } = await ask("GET", "/test", { query: { versions: "" } });
      assert.deepEqual(textsOf(text, "Version", "VersionId"), [second, first]);
      assert.deepEqual(textsOf(text, "DeleteMarker", "VersionId"), [marker]);
      await ask("DELETE", "/test/v", { query: { versionId: marker } });
      assert.equal((await ask("GET", "/test/v")).text, "2");
    }, { versioning: "on" }));

  it("quota, key length, metadata, rights, locks and archives refuse by their codes", () =>
    withServer(async (ask) => {
      const codes = [
        ["KeyTooLongError", await ask("PUT", `/test/${"ü".repeat(513)}`)],
        [
          "MetadataTooLarge",
          await ask("PUT", "/test/a", { headers: { "x-amz-meta-a": "x".repeat(3000) } }),
        ],
        ["AccessDenied", await ask("PUT", "/test/secret/a")],
        ["AccessDenied", await ask("DELETE", "/test/locked/a")],
        ["QuotaExceeded", await ask("PUT", "/test/a", { body: "x".repeat(101) })],
        [undefined, await ask("PUT", "/test/cold/a", { body: "x" })],
        ["InvalidObjectState", await ask("GET", "/test/cold/a")],
        ["NoSuchBucket", await ask("GET", "/none/a")],
        ["NotImplemented", await ask("GET", "/test/a", { query: { acl: "" } })],
      ] as const;
      for (const [code, reply] of codes) assert.equal(reply.code, code);
    }, {
      auth: { deny: [{ prefix: "secret/" }, { op: "DeleteObject", prefix: "locked/" }] },
      limits: { quota: 100 },
      archived: ["cold/"],
    }));
});

describe("lists", () => {
  // In the order of UTF-8, which is not that of UTF-16: the last two change places there.
  const KEYS = [
    "a",
    "a/b",
    "a/c",
    "a+b",
    "b c",
    "b/1/x",
    "b/1/y",
    "b/2",
    "z",
    "\uffee",
    "\u{10000}",
  ]
    .sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));

  for (const size of [1, 2, 3, 1000]) {
    it(`every key once, in the order of UTF-8, by pages of ${size}`, () =>
      withServer(async (ask) => {
        for (const key of KEYS) await ask("PUT", `/test/${key}`, { body: key });
        const query = { "max-keys": String(size) };
        const { keys, pages } = await listAll(ask, query);
        assert.deepEqual(keys, KEYS);
        assert.equal(pages, Math.ceil(KEYS.length / size));
        const after = await listAll(ask, { ...query, "start-after": "b" });
        assert.deepEqual(after.keys, KEYS.slice(KEYS.indexOf("b c")));
        const folders = await listAll(ask, { ...query, delimiter: "/" });
        assert.deepEqual(folders.folders, ["a/", "b/"]);
        assert.deepEqual(folders.keys, KEYS.filter((key) => !key.includes("/")));
        const inner = await listAll(ask, { ...query, delimiter: "/", prefix: "b/" });
        assert.deepEqual([inner.keys, inner.folders], [["b/2"], ["b/1/"]]);
      }));
  }

  it("odd tokens, empty pages, folder keys, missing fields and late sight can be asked for", async () => {
    await withServer(async (ask) => {
      for (const key of KEYS) await ask("PUT", `/test/${key}`);
      const { keys, pages } = await listAll(ask, { "max-keys": "4" });
      assert.deepEqual([keys, pages], [KEYS, 5]);
    }, { list: { token: "odd", emptyPage: true } });
    await withServer(async (ask, server) => {
      await ask("PUT", "/test/dir/a");
      assert.deepEqual((await listAll(ask)).keys, []);
      server.change({ visibility: { lists: 0 } });
      assert.deepEqual((await listAll(ask, { prefix: "dir/" })).keys, ["dir/", "dir/a"]);
      const { text } = await ask("GET", "/test", { query: { "list-type": "2" } });
      assert.ok(!text.includes("<ETag>"));
    }, { visibility: { lists: 60_000 }, list: { folders: true, without: ["ETag"] } });
  });
});

describe("uploads in parts", () => {
  const PART = "p".repeat(5 << 20);

  it("nothing shows before Complete; then the whole, with the ETag of its parts", () =>
    withServer(async (ask) => {
      const { uploadId, etags, complete } = await upload(ask, "m", [PART, "tail"]);
      assert.equal((await ask("GET", "/test/m")).status, 404);
      const { text } = await ask("GET", "/test/m", { query: { uploadId, "max-parts": "1" } });
      assert.deepEqual([textsOf(text, "Part", "Size"), textOf(xmlOf(text), "IsTruncated")], [[
        String(PART.length),
      ], "true"]);
      const uploads = await ask("GET", "/test", { query: { uploads: "" } });
      assert.deepEqual(textsOf(uploads.text, "Upload", "UploadId"), [uploadId]);
      assert.equal(
        (await ask("POST", "/test/m", { query: { uploadId }, body: complete })).status,
        200,
      );
      const whole = await ask("GET", "/test/m");
      const md5 = createHash("md5").update(Buffer.from(etags.join(""), "hex")).digest("hex");
      assert.deepEqual([whole.etag, whole.bytes.length], [`${md5}-2`, PART.length + 4]);
      const abort = await ask("DELETE", "/test/m", { query: { uploadId } });
      assert.equal(abort.code, "NoSuchUpload");
    }));

  it("a part may be a piece of another object", () =>
    withServer(async (ask) => {
      await ask("PUT", "/test/source", { body: "0123456789" });
      const { uploadId } = await upload(ask, "m", []);
      const headers = {
        "x-amz-copy-source": "test/source",
        "x-amz-copy-source-range": "bytes=2-4",
      };
      const part = await ask("PUT", "/test/m", { query: { uploadId, partNumber: "1" }, headers });
      const etag = textOf(xmlOf(part.text), "ETag");
      const body =
        `<CompleteMultipartUpload><Part><ETag>${etag}</ETag><PartNumber>1</PartNumber></Part></CompleteMultipartUpload>`;
      await ask("POST", "/test/m", { query: { uploadId }, body });
      assert.equal((await ask("GET", "/test/m")).text, "234");
    }));

  it("small, unequal, unknown and unordered parts are refused, and the upload goes on", () =>
    withServer(async (ask, server) => {
      const { uploadId, complete } = await upload(ask, "m", ["small", "tail"]);
      const query = { uploadId };
      const codeOf = async (body: string) => (await ask("POST", "/test/m", { query, body })).code;
      assert.equal(await codeOf(complete), "EntityTooSmall");
      assert.equal(await codeOf(complete.replace("<PartNumber>2", "<PartNumber>3")), "InvalidPart");
      assert.equal(
        await codeOf(complete.replace("<PartNumber>2", "<PartNumber>1")),
        "InvalidPartOrder",
      );
      assert.equal(await codeOf("<CompleteMultipartUpload>"), "MalformedXML");
      server.change({ parts: { minimum: 0 } });
      assert.equal(await codeOf(complete), undefined);
      assert.equal((await ask("GET", "/test/m")).text, "smalltail");
    }));
});

describe("where a bucket lies", () => {
  it("a host before the server's own name is a bucket", () =>
    withServer(async (_, server) => {
      await askerOf(server)("PUT", "/test/key", { body: "text" });
      const virtual = { ...server, url: `http://test.localhost:${server.port}` };
      const { target, headers } = prepare(virtual, "GET", "/key", {});
      const text = await new Promise<string>((done) => {
        const host = `test.localhost:${server.port}`;
        get({
          host: "127.0.0.1",
          port: server.port,
          path: target,
          agent: false,
          headers: { ...headers, host },
        }, (response) => {
          let text = "";
          response.on("data", (chunk) => text += chunk).on("end", () => done(text));
        });
      });
      assert.equal(text, "text");
    }));

  it("another region is answered by 400, 301 or 307, and names the right one", async () => {
    for (const check of [400, 301, 307] as const) {
      await withServer(async (_, server) => {
        const elsewhere = askerOf({ ...server, region: "us-east-1" });
        const { status, headers, text } = await elsewhere("GET", "/test/key");
        assert.deepEqual([status, headers["x-amz-bucket-region"]], [check, "eu-west-7"]);
        if (check === 400) assert.match(text, /<Region>eu-west-7</);
        if (check === 307) assert.equal(headers["location"], "http://other.test/");
        assert.equal((await askerOf(server)("HEAD", "/test")).status, 200);
      }, { region: { name: "eu-west-7", check, host: "other.test" } });
    }
  });
});
