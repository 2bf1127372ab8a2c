import { complaint, type Digest, type Docs, isDigest, isOciError, z } from "../../core/mod.ts";
import { utf8 } from "./bytes.ts";
import { readStrict } from "./json.ts";
import type { Form } from "./policy.ts";
import { type Reason, refusal } from "./refusal.ts";

/** What was seen last of a reference. */
export interface Seen {
  /** Its sequence. */
  readonly sequence: number;
  /** The digest of the statement. */
  readonly statement: Digest;
  /** What the name stood for. */
  readonly target: Digest;
  /** The scope that was signed. */
  readonly scope: string;
  /** What vouched for it. */
  readonly form: Form;
  /** When it was seen. */
  readonly at: string;
}

type Places = Readonly<Record<string, Readonly<Record<string, Seen>>>>;

/** What a verifier remembers, outside of the layouts it verifies. */
export interface State {
  /** The file it is kept in: it must lie outside of what is verified. */
  readonly path?: string;
  /** What was seen of the references of a place. */
  load(place: string): Promise<ReadonlyMap<string, Seen>>;
  /**
   * Remembers what was accepted. `judge` is asked again where another verifier was faster; what it objects to is left
   * out, and comes back.
   */
  note(
    place: string,
    seen: ReadonlyMap<string, Seen>,
    judge: (former: Seen | undefined, now: Seen) => Reason | undefined,
  ): Promise<ReadonlyMap<string, Reason>>;
}

const NAME = "state.json";
const MOST_STATE = 16 << 20;

const digest = z.string().check(z.refine(isDigest, "not a digest"));
const shape = z.strictObject({
  version: z.literal(1),
  places: z.record(
    z.string(),
    z.record(
      z.string(),
      z.strictObject({
        sequence: z.number().check(z.refine((n) => Number.isSafeInteger(n) && n >= 0)),
        statement: digest,
        target: digest,
        scope: z.string(),
        form: z.enum(["binding", "cosign-bundle", "cosign-legacy"]),
        at: z.string(),
      }),
    ),
  ),
});

function parse(text: string | undefined, file: string): Places {
  if (text === undefined || text === "") return {};
  const invalid = (why: string) => refusal("policy_invalid", `Cannot use the state${file}: ${why}`);
  const json = readStrict(utf8(text), invalid);
  const why = complaint(shape, json);
  if (why !== undefined) throw invalid(why);
  return (json as { places: Places }).places;
}

function placeIn(places: Places, place: string): ReadonlyMap<string, Seen> {
  return new Map(Object.hasOwn(places, place) ? Object.entries(places[place] ?? {}) : []);
}

/** The state kept in a document; throws `invalid` with the reason `policy_invalid` for one that is damaged. */
export function openState(docs: Pick<Docs, "load" | "swap">, path?: string): State {
  const file = path === undefined ? "" : ` ${JSON.stringify(path)}`;
  const load = () => docs.load(NAME, { limit: MOST_STATE });
  return {
    load: async (place) => placeIn(parse((await load())?.text, file), place),
    async note(place, accepted, judge) {
      while (true) {
        const seen = await load();
        const places = parse(seen?.text, file);
        const known = new Map(placeIn(places, place));
        const objections = new Map<string, Reason>();
        for (const [name, now] of accepted) {
          const former = known.get(name);
          const reason = judge(former, now);
          if (reason) objections.set(name, reason);
          else if (former?.statement !== now.statement) known.set(name, now);
        }
        const text = JSON.stringify({
          version: 1,
          places: { ...places, [place]: Object.fromEntries(known) },
        });
        if (text === seen?.text) return objections;
        try {
          await docs.swap(NAME, text, seen);
          return objections;
        } catch (error) {
          if (!isOciError(error, "conflict")) throw error;
        }
      }
    },
  };
}

/** What speaks against accepting `now` after `former`. */
export function judgeSeen(former: Seen | undefined, now: Seen): Reason | undefined {
  if (former === undefined) return undefined;
  if (now.form !== "binding") return former.form === "binding" ? "downgraded" : undefined;
  if (former.form !== "binding") return undefined;
  if (now.scope !== former.scope) return "wrong_scope";
  if (now.sequence < former.sequence) return "rollback";
  if (now.sequence === former.sequence && now.statement !== former.statement) return "fork";
  return undefined;
}

/** A state that is read once and written once, for many references of one place. */
export interface Gathered extends State {
  /** Writes what was accepted; what another verifier objects to comes back. */
  flush(): Promise<ReadonlyMap<string, Reason>>;
}

/** Gathers what is to be remembered. */
export function gather(state: State): Gathered {
  const loaded = new Map<string, Promise<Map<string, Seen>>>();
  const accepted = new Map<string, Map<string, Seen>>();
  const load = (place: string) => {
    const known = loaded.get(place) ?? state.load(place).then((seen) => new Map(seen));
    loaded.set(place, known);
    return known;
  };
  return {
    ...(state.path === undefined ? {} : { path: state.path }),
    load,
    async note(place, seen, judge) {
      const known = await load(place);
      const objections = new Map<string, Reason>();
      for (const [name, now] of seen) {
        const reason = judge(known.get(name), now);
        if (reason) objections.set(name, reason);
        else {
          known.set(name, now);
          accepted.set(place, (accepted.get(place) ?? new Map()).set(name, now));
        }
      }
      return objections;
    },
    async flush() {
      const objections = new Map<string, Reason>();
      for (const [place, seen] of accepted) {
        for (const [name, reason] of await state.note(place, seen, judgeSeen)) {
          objections.set(name, reason);
        }
      }
      accepted.clear();
      return objections;
    },
  };
}
