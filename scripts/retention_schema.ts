// The JSON Schema of a retention policy, for editors and other validators, made from what judges policy files:
//
//   deno run -A scripts/retention_schema.ts      writes plugins/gc/retention.schema.json
import { writeFileSync } from "node:fs";
import { z } from "../core/mod.ts";
import { policyNotes, policySchema } from "../plugins/gc/policy_schema.ts";

/** Where it is kept. */
export const RETENTION_SCHEMA = new URL("../plugins/gc/retention.schema.json", import.meta.url);

/** Its text. */
export function retentionSchema(): string {
  const schema = z.toJSONSchema(policySchema, { target: "draft-07", metadata: policyNotes });
  return `${JSON.stringify({ title: "stowage.retention/1", ...schema }, null, 2)}\n`;
}

if (import.meta.main) writeFileSync(RETENTION_SCHEMA, retentionSchema());
