// What a server really does, found by asking: the same questions for the one in this repository and for real ones, so
// that the former cannot drift from the latter. `observed.ts` holds the answers.
import { base64, digest } from "./checksums.ts";
import { type Ask, askerOf, type Place, prepare, type Reply, sendTo } from "./asker.ts";
import { utf8 } from "./message.ts";
import { all, readXml, textOf } from "./xml.ts";

const WRONG = "0123456789abcdef0123456789abcdef";
const RACERS = 8;

/** What can be asked. */
export type Ability = keyof typeof questions;
/** Answers by question: statuses, and what was stored after. */
export type Abilities = Readonly<Record<Ability, string>>;

interface Tools {
  readonly place: Place;
  readonly bucket: string;
  readonly ask: Ask;
  /** A path for a key of this run. */
  at(name: string): string;
  /** Stores; the ETag comes back. */
  put(name: string, text: string): Promise<string>;
  /** What is stored, or `gone`. */
  stored(name: string): Promise<string>;
  /** An upload of one part, ready to be completed: its query and body. */
  upload(
    name: string,
    text: string,
  ): Promise<{ query: { uploadId: string }; body: string; part: Reply }>;
}

const told = ({ status, code }: Reply): string =>
  code === undefined ? `${status}` : `${status} ${code}`;
const md5Of = (body: string) => base64(digest("md5", [utf8(body)]));
const sha256Of = (body: string) => base64(digest("sha256", [utf8(body)]));

function toolsFor(place: Place, bucket: string, prefix: string): Tools {
  const ask = askerOf(place);
  const at = (name: string) => `/${bucket}/${prefix}${name}`;
  const etagOf = async (name: string) => (await ask("HEAD", at(name))).etag;
  return {
    place,
    bucket,
    ask,
    at,
    async put(name, text) {
      const { status, etag } = await ask("PUT", at(name), { body: text });
      if (status !== 200) throw new Error(`PUT says ${status}`);
      return etag || await etagOf(name);
    },
    async stored(name) {
      const reply = await ask("GET", at(name));
      return reply.status === 200 ? reply.text : reply.status === 404 ? "gone" : told(reply);
    },
    async upload(name, text) {
      const created = readXml((await ask("POST", at(name), { query: { uploads: "" } })).text);
      const query = { uploadId: created && textOf(created, "UploadId") || "" };
      const part = await ask("PUT", at(name), {
        query: { ...query, partNumber: "1" },
        body: text,
        headers: { "x-amz-checksum-sha256": sha256Of(text) },
      });
      const body =
        `<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>"${part.etag}"</ETag>` +
        `</Part></CompleteMultipartUpload>`;
      return { query, body, part };
    },
  };
}

/** What was said, and what is stored now. */
async function outcome(tools: Tools, name: string, reply: Reply): Promise<string> {
  return `${told(reply)}, ${await tools.stored(name)}`;
}

/** The same, without the code. */
async function became(tools: Tools, name: string, { status }: Reply): Promise<string> {
  return `${status}, ${await tools.stored(name)}`;
}

async function race(tools: Tools, name: string, headers: Record<string, string>): Promise<string> {
  const replies = await Promise.all(Array.from({ length: RACERS }, async (_, i) => {
    const body = String(i).repeat(20_000);
    // Some close on losers before they have read their bodies.
    const reply = await tools.ask("PUT", tools.at(name), { headers, body }).catch(() => undefined);
    return { body, status: reply?.status };
  }));
  const winners = replies.filter(({ status }) => status === 200);
  const kept = await tools.stored(name);
  return `${winners.length} won, ${
    winners.some(({ body }) => body === kept) ? "its" : "other"
  } bytes`;
}

async function deleteMany(
  tools: Tools,
  name: string,
  inner: string,
  headers: (body: string) => Record<string, string>,
) {
  await tools.put(name, "old");
  const key = tools.at(name).slice(tools.bucket.length + 2);
  const body = `<Delete><Object><Key>${key}</Key>${inner}</Object></Delete>`;
  const reply = await tools.ask("POST", `/${tools.bucket}`, {
    query: { delete: "" },
    headers: headers(body),
    body,
  });
  const result = readXml(reply.text);
  const error = result && all(result, "Error")[0];
  const code = result?.name === "DeleteResult" && error ? ` ${textOf(error, "Code")}` : "";
  return `${reply.status}${code}, ${await tools.stored(name)}`;
}

const questions = {
  "PUT If-None-Match: *, absent": async (tools: Tools) =>
    await outcome(
      tools,
      "c1",
      await tools.ask("PUT", tools.at("c1"), { headers: { "if-none-match": "*" }, body: "new" }),
    ),
  "PUT If-None-Match: *, there": async (tools: Tools) => {
    await tools.put("c2", "old");
    return await outcome(
      tools,
      "c2",
      await tools.ask("PUT", tools.at("c2"), { headers: { "if-none-match": "*" }, body: "new" }),
    );
  },
  "PUT If-Match, quoted": async (tools: Tools) => {
    const etag = await tools.put("r1", "old");
    return await outcome(
      tools,
      "r1",
      await tools.ask("PUT", tools.at("r1"), { headers: { "if-match": `"${etag}"` }, body: "new" }),
    );
  },
  "PUT If-Match, unquoted": async (tools: Tools) => {
    const etag = await tools.put("r2", "old");
    return await outcome(
      tools,
      "r2",
      await tools.ask("PUT", tools.at("r2"), { headers: { "if-match": etag }, body: "new" }),
    );
  },
  "PUT If-Match, another": async (tools: Tools) => {
    await tools.put("r3", "old");
    return await outcome(
      tools,
      "r3",
      await tools.ask("PUT", tools.at("r3"), {
        headers: { "if-match": `"${WRONG}"` },
        body: "new",
      }),
    );
  },
  "PUT If-Match, missing key": async (tools: Tools) =>
    await outcome(
      tools,
      "r4",
      await tools.ask("PUT", tools.at("r4"), {
        headers: { "if-match": `"${WRONG}"` },
        body: "new",
      }),
    ),
  "8 creators at once": async (tools: Tools) => await race(tools, "x1", { "if-none-match": "*" }),
  "8 replacers at once": async (tools: Tools) => {
    const etag = await tools.put("x2", "old");
    const quoted = await race(tools, "x2", { "if-match": `"${etag}"` });
    return quoted.startsWith("0") ? await race(tools, "x2", { "if-match": etag }) : quoted;
  },
  "Complete If-None-Match: *, there": async (tools: Tools) => {
    await tools.put("m1", "old");
    const { query, body } = await tools.upload("m1", "new");
    return await became(
      tools,
      "m1",
      await tools.ask("POST", tools.at("m1"), { query, body, headers: { "if-none-match": "*" } }),
    );
  },
  "Complete If-Match, another": async (tools: Tools) => {
    await tools.put("m2", "old");
    const { query, body } = await tools.upload("m2", "new");
    return await became(
      tools,
      "m2",
      await tools.ask("POST", tools.at("m2"), {
        query,
        body,
        headers: { "if-match": `"${WRONG}"` },
      }),
    );
  },
  "Complete If-Match, its own": async (tools: Tools) => {
    const etag = await tools.put("m5", "old");
    const { query, body } = await tools.upload("m5", "new");
    const headers = { "if-match": `"${etag}"` };
    const reply = await tools.ask("POST", tools.at("m5"), { query, body, headers });
    return await became(tools, "m5", reply);
  },
  "Complete, its ETag": async (tools: Tools) => {
    const { query, body } = await tools.upload("m3", "new");
    const reply = await tools.ask("POST", tools.at("m3"), { query, body });
    const xml = readXml(reply.text);
    const etag = xml && textOf(xml, "ETag");
    const head = await tools.ask("HEAD", tools.at("m3"));
    const shown = etag?.replaceAll('"', "");
    return `${told(reply)}, ${
      shown === head.etag ? "that of HEAD" : shown === "" ? "empty" : `${etag}`
    }`;
  },
  "Complete, again": async (tools: Tools) => {
    const { query, body } = await tools.upload("m4", "new");
    await tools.ask("POST", tools.at("m4"), { query, body });
    return told(await tools.ask("POST", tools.at("m4"), { query, body }));
  },
  "Copy, source If-Match another": async (tools: Tools) => {
    await tools.put("s1", "new");
    await tools.put("t1", "old");
    const headers = {
      "x-amz-copy-source": tools.at("s1"),
      "x-amz-copy-source-if-match": `"${WRONG}"`,
    };
    return await outcome(tools, "t1", await tools.ask("PUT", tools.at("t1"), { headers }));
  },
  "Copy If-None-Match: *, there": async (tools: Tools) => {
    await tools.put("s2", "new");
    await tools.put("t2", "old");
    const headers = { "x-amz-copy-source": tools.at("s2"), "if-none-match": "*" };
    return await outcome(tools, "t2", await tools.ask("PUT", tools.at("t2"), { headers }));
  },
  "UploadPartCopy, source If-Match another": async (tools: Tools) => {
    await tools.put("s3", "new");
    const { query } = await tools.upload("t3", "x");
    const headers = {
      "x-amz-copy-source": tools.at("s3"),
      "x-amz-copy-source-if-match": `"${WRONG}"`,
    };
    return told(
      await tools.ask("PUT", tools.at("t3"), { query: { ...query, partNumber: "2" }, headers }),
    );
  },
  "DELETE If-Match, another": async (tools: Tools) => {
    await tools.put("d1", "old");
    return await outcome(
      tools,
      "d1",
      await tools.ask("DELETE", tools.at("d1"), { headers: { "if-match": `"${WRONG}"` } }),
    );
  },
  "DELETE If-Match, missing key": async (tools: Tools) =>
    told(await tools.ask("DELETE", tools.at("d2"), { headers: { "if-match": `"${WRONG}"` } })),
  "DeleteObjects, ETag another": async (tools: Tools) =>
    await deleteMany(
      tools,
      "b1",
      `<ETag>"${WRONG}"</ETag>`,
      (body) => ({ "content-md5": md5Of(body), "x-amz-checksum-sha256": sha256Of(body) }),
    ),
  "DeleteObjects, MD5 only": async (tools: Tools) =>
    await deleteMany(tools, "b2", "", (body) => ({ "content-md5": md5Of(body) })),
  "DeleteObjects, checksum only": async (tools: Tools) =>
    await deleteMany(tools, "b3", "", (body) => ({ "x-amz-checksum-sha256": sha256Of(body) })),
  "DeleteObjects, neither": async (tools: Tools) => await deleteMany(tools, "b4", "", () => ({})),
  "DeleteObjects, wrong MD5": async (tools: Tools) =>
    await deleteMany(tools, "b5", "", () => ({ "content-md5": md5Of("other") })),
  "Presigned DELETE, in time and late": async ({ place, at, put, stored }: Tools) => {
    await put("p1", "old");
    const time = Date.now();
    const soon = prepare(place, "DELETE", at("p1"), { time, expires: 60 });
    const late = prepare(place, "DELETE", at("p1"), { time: time - 5000, expires: 2 });
    const refused = `${told(await sendTo(place, late))}, ${await stored("p1")}`;
    return `${refused}; ${told(await sendTo(place, soon))}, ${await stored("p1")}`;
  },
  "Presigned, an unsigned x-amz header": async ({ place, at, put }: Tools) => {
    await put("p2", "old");
    const headers = { "x-amz-checksum-mode": "ENABLED" };
    return told(await sendTo(place, prepare(place, "GET", at("p2"), { headers, expires: 60 })));
  },
  "DELETE signed 20 min ago": async (tools: Tools) => {
    await tools.put("p3", "old");
    return await outcome(
      tools,
      "p3",
      await tools.ask("DELETE", tools.at("p3"), { time: Date.now() - 20 * 60_000 }),
    );
  },
  "PUT, wrong payload hash": async (tools: Tools) =>
    await outcome(
      tools,
      "h1",
      await tools.ask("PUT", tools.at("h1"), { body: "new", payload: WRONG + WRONG }),
    ),
  "PUT, wrong Content-MD5": async (tools: Tools) =>
    await outcome(
      tools,
      "h2",
      await tools.ask("PUT", tools.at("h2"), {
        body: "new",
        headers: { "content-md5": md5Of("other") },
      }),
    ),
  "PUT, wrong checksum": async (tools: Tools) =>
    await became(
      tools,
      "h3",
      await tools.ask("PUT", tools.at("h3"), {
        body: "new",
        headers: { "x-amz-checksum-sha256": sha256Of("other") },
      }),
    ),
  "PUT, checksum shown by HEAD": async (tools: Tools) => {
    await tools.ask("PUT", tools.at("h4"), {
      body: "new",
      headers: { "x-amz-checksum-sha256": sha256Of("new") },
    });
    const { headers } = await tools.ask("HEAD", tools.at("h4"), {
      headers: { "x-amz-checksum-mode": "ENABLED" },
    });
    return headers["x-amz-checksum-sha256"] === sha256Of("new") ? "shown" : "not shown";
  },
  "UploadPart, its checksum": async (tools: Tools) => {
    const { part } = await tools.upload("h5", "new");
    return part.headers["x-amz-checksum-sha256"] === sha256Of("new") ? "shown" : "not shown";
  },
  "Wrong secret; unknown key": async ({ place, at }: Tools) => {
    const wrong = await askerOf({ ...place, secretKey: "wrong" })("GET", at("k1"));
    const unknown = await askerOf({ ...place, accessKey: "nobody:none" })("GET", at("k1"));
    return `${told(wrong)}; ${told(unknown)}`;
  },
  "Another region": async ({ place, at }: Tools) => {
    const { status, code, headers } = await askerOf({ ...place, region: "eu-moon-1" })(
      "GET",
      at("k2"),
    );
    return `${status} ${code}${headers["x-amz-bucket-region"] ? ", told which" : ""}`;
  },
  "GET a range; past the end; of nothing": async (tools: Tools) => {
    await tools.put("g1", "0123456789");
    await tools.put("g2", "");
    const ranges = [["g1", "bytes=2-4"], ["g1", "bytes=10-"], ["g2", "bytes=0-0"]] as const;
    const replies = await Promise.all(
      ranges.map(([name, range]) => tools.ask("GET", tools.at(name), { headers: { range } })),
    );
    return replies.map((reply) => reply.status === 206 ? `206 ${reply.text}` : told(reply)).join(
      "; ",
    );
  },
  "GET If-Match, another": async (tools: Tools) => {
    await tools.put("g3", "old");
    return told(await tools.ask("GET", tools.at("g3"), { headers: { "if-match": `"${WRONG}"` } }));
  },
  "List, an odd key encoded": async (tools: Tools) => {
    const odd = `o/a b+c&'"%<ü.txt`;
    await tools.put(odd, "x");
    const prefix = tools.at("o/").slice(tools.bucket.length + 2);
    const { text } = await tools.ask("GET", `/${tools.bucket}`, {
      query: { "list-type": "2", prefix, "encoding-type": "url" },
    });
    const [entry] = all(readXml(text) ?? { name: "", text: "", children: [] }, "Contents");
    const key = entry && textOf(entry, "Key") || "none";
    return key.replace(/^.*?(?=(\/|%2F)o)/, "…");
  },
  "List after PUT and DELETE": async (tools: Tools) => {
    const prefix = tools.at("l/").slice(tools.bucket.length + 2);
    const count = async () => {
      const { text } = await tools.ask("GET", `/${tools.bucket}`, {
        query: { "list-type": "2", prefix },
      });
      return /<KeyCount>(\d+)/.exec(text)?.[1] ?? "no count";
    };
    await tools.put("l/a", "x");
    await tools.put("l/b", "x");
    const both = await count();
    await tools.ask("DELETE", tools.at("l/a"));
    return `${both}, then ${await count()}`;
  },
} satisfies Record<string, (tools: Tools) => Promise<string>>;

/** All questions. */
export const ABILITIES = Object.keys(questions) as readonly Ability[];

/** Asks all of them, in a prefix of their own that is emptied after. */
export async function abilitiesOf(place: Place, bucket: string): Promise<Abilities> {
  const prefix = `stowage-test-${Math.random().toString(36).slice(2)}/`;
  const tools = toolsFor(place, bucket, prefix);
  const found: Partial<Record<Ability, string>> = {};
  try {
    for (const ability of ABILITIES) found[ability] = await questions[ability](tools);
  } finally {
    await empty(tools, prefix);
  }
  return found as Abilities;
}

async function empty({ ask, bucket }: Tools, prefix: string): Promise<void> {
  const { text } = await ask("GET", `/${bucket}`, { query: { "list-type": "2", prefix } });
  const xml = readXml(text);
  for (const entry of xml ? all(xml, "Contents") : []) {
    await ask("DELETE", `/${bucket}/${textOf(entry, "Key")}`);
  }
}
