import { type Clock, OciError, type OpenMode } from "../../core/mod.ts";
import { type Ability, BOUND, PROBE_NUMBER } from "./ability.ts";
import type { Client } from "./client.ts";
import type { EtagForm } from "./conditional.ts";
import { PROBE } from "./doc_names.ts";
import { putObject } from "./objects.ts";
import { probeStore } from "./probe.ts";

/** What is known of a store's ability, and how it becomes known. */
export interface AbilityHolder {
  readonly known: Ability | undefined;
  /** Takes the word of whoever wrote the index. */
  learn(ability: Ability): void;
  /** Called once the index was looked for: a place that will be written must be able to. */
  opened(found: boolean): Promise<void>;
  /** How documents are swapped; throws `unsupported` where that is not safe. */
  forSwap(): Promise<EtagForm | "alone">;
  /** For collectors and writers: until more is known, deletes are taken to have deadlines, which costs nothing. */
  readonly deleteBound: number | undefined;
}

/** Abilities by server and bucket, for as long as a program runs. */
export type Abilities = Map<string, Promise<Ability>>;

/** Milliseconds for which what a probe found is believed. */
const KEPT = 30 * 86_400_000;

interface Record {
  readonly probe: number;
  readonly at: number;
  readonly ability: Ability;
}

/** Holds what is known of the store of a client. */
export function holdAbility(client: Client, mode: OpenMode, shared: Abilities): AbilityHolder {
  const { address, clock } = client;
  const where = () => `${client.where.endpoint}\n${client.where.bucket}`;
  let known: Ability | undefined;
  let form: EtagForm | undefined;
  const learn = (ability: Ability) => {
    known ??= ability;
    form ??= { quoted: known.quoted };
  };

  async function resolve(): Promise<Ability> {
    if (known) return known;
    let finding = shared.get(where());
    if (!finding) {
      finding = find();
      shared.set(where(), finding);
      finding.catch(() => shared.delete(where()));
    }
    const ability = await finding;
    learn(ability);
    return ability;
  }

  async function find(): Promise<Ability> {
    const records = await loadRecords(client);
    const record = records[client.where.endpoint];
    if (record?.probe === PROBE_NUMBER && isFresh(record, clock)) return record.ability;
    const { ability } = await probeStore(client);
    if (isWritable(ability)) {
      const all = {
        ...records,
        [client.where.endpoint]: { probe: PROBE_NUMBER, at: clock.now(), ability },
      };
      const body = new TextEncoder().encode(JSON.stringify(all));
      await putObject(client, address.prefix + PROBE, body, "keep what the probe found");
    }
    return ability;
  }

  function isWritable({ tier }: Ability): boolean {
    return tier === "full" || tier === "commit" || (tier === "alone" && address.alone);
  }

  async function checked(): Promise<Ability> {
    const ability = await resolve();
    if (isWritable(ability)) return ability;
    const why = ability.why ?? "the endpoint ignores conditional writes";
    const hint = ability.tier === "alone"
      ? `; if nobody else writes, add "writers=1" to the address`
      : "";
    const { url, endpoint } = client.where;
    const message = `Cannot write to ${url} at ${endpoint}: ${why}${hint}`;
    throw new OciError("unsupported", message, { url });
  }

  return {
    get known() {
      return known && form ? { ...known, quoted: form.quoted } : known;
    },
    learn,
    async opened(found) {
      if (mode === "create" || (mode === "write" && found)) await checked();
    },
    async forSwap() {
      const { tier, quoted } = await checked();
      return tier === "alone" ? "alone" : form ??= { quoted };
    },
    get deleteBound() {
      return known ? known.deleteBound : BOUND;
    },
  };
}

function isFresh({ at }: Record, clock: Clock): boolean {
  return Math.abs(clock.now() - at) < KEPT;
}

async function loadRecords(client: Client): Promise<{ [endpoint: string]: Record | undefined }> {
  const { status, bytes } = await client.send({
    operation: "GetObject",
    action: "read what the last probe found",
    method: "GET",
    key: client.address.prefix + PROBE,
    accept: [404],
  });
  if (status === 404) return {};
  try {
    const value: unknown = JSON.parse(new TextDecoder().decode(bytes));
    return value !== null && typeof value === "object" ? { ...value } : {};
  } catch {
    return {};
  }
}
