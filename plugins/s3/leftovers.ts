import { SCRATCH, STAGING } from "./doc_names.ts";
import type { Client } from "./client.ts";
import { listObjects } from "./lists.ts";
import { abortUpload } from "./multipart.ts";
import { deleteObject } from "./objects.ts";
import { childrenOf, parseXml, textOf } from "./xml.ts";

/** An upload that was begun and neither completed nor dropped. */
export interface OpenUpload {
  readonly key: string;
  readonly id: string;
  readonly begun: Date;
}

/** The uploads below a place that are under way, or were left. */
export async function* openUploads(client: Client): AsyncGenerator<OpenUpload> {
  let marker: Record<string, string> = {};
  while (true) {
    const { bytes } = await client.send({
      operation: "ListMultipartUploads",
      action: "list unfinished uploads",
      method: "GET",
      query: { uploads: "", prefix: client.address.prefix, ...marker },
    });
    const root = parseXml(new TextDecoder().decode(bytes));
    for (const entry of root ? childrenOf(root, "Upload") : []) {
      const [key, id] = [textOf(entry, "Key"), textOf(entry, "UploadId")];
      const begun = new Date(textOf(entry, "Initiated") ?? "");
      if (key?.startsWith(client.address.prefix) && id) yield { key, id, begun };
    }
    const [key, id] = [textOf(root, "NextKeyMarker"), textOf(root, "NextUploadIdMarker")];
    if (textOf(root, "IsTruncated") !== "true" || !key) return;
    marker = { "key-marker": key, ...(id ? { "upload-id-marker": id } : {}) };
  }
}

/** Drops uploads, staged bytes and scratch keys that nobody has touched since; gives how many. */
export async function dropLeftovers(client: Client, before: Date): Promise<number> {
  let dropped = 0;
  for await (const { key, id, begun } of openUploads(client)) {
    if (!(begun < before)) continue;
    await abortUpload(client, key, id, "drop an unfinished upload");
    dropped++;
  }
  for (const prefix of [STAGING, SCRATCH]) {
    for await (const { name, modified } of listObjects(client, { prefix })) {
      if (!modified || !(modified < before)) continue;
      await deleteObject(client, client.address.prefix + name, "drop what was left");
      dropped++;
    }
  }
  return dropped;
}
