import { isDigest, isOciError, parsePlatform, readDuration, readSize } from "../../core/basics.ts";
import type { FlagSpec } from "../../core/basics.ts";

/** A reader of values: undefined for what it does not understand. */
type Read = (text: string) => string | number | undefined;

function readCount(text: string): number | undefined {
  const value = /^\d+$/.test(text) ? Number(text) : NaN;
  return Number.isSafeInteger(value) && value > 0 ? value : undefined;
}

function readPlatform(text: string): string | undefined {
  try {
    parsePlatform(text);
    return text;
  } catch (error) {
    if (isOciError(error, "invalid")) return undefined;
    throw error;
  }
}

const KINDS: Readonly<Record<FlagSpec["type"], { read: Read; form: string; word: string }>> = {
  switch: { read: () => undefined, form: "no value", word: "" },
  text: { read: (text) => text, form: "text", word: "TEXT" },
  count: { read: readCount, form: "a whole number from 1", word: "N" },
  size: { read: readSize, form: "bytes such as 512KiB, 20GiB or 1GB", word: "SIZE" },
  rate: {
    read: (text) => readSize(text.replace(/\/s$/, "")) || undefined,
    form: "bytes a second such as 20MiB/s",
    word: "SIZE/s",
  },
  duration: { read: readDuration, form: "a time such as 90s, 15m, 24h or 14d", word: "DUR" },
  digest: {
    read: (text) => isDigest(text) ? text : undefined,
    form: 'a digest such as "sha256:…" with all its digits',
    word: "DIGEST",
  },
  platform: { read: readPlatform, form: "os/arch or os/arch/variant", word: "OS/ARCH" },
};

/** How help and completion call the value of a flag; empty for a switch. */
export function placeholder(spec: FlagSpec): string {
  if (spec.placeholder !== undefined) return spec.placeholder;
  if (spec.type === "text" && spec.values) return spec.values.join("|");
  return [KINDS[spec.type].word, ...spec.values ?? []].join("|");
}

/** What a text is worth as the value of a flag; undefined if it is nothing of the kind. */
export function readValue(text: string, spec: FlagSpec): string | number | undefined {
  if (spec.values?.includes(text)) return text;
  return spec.values && spec.type === "text" ? undefined : KINDS[spec.type].read(text);
}

/** What the value of a flag must be, for people. */
export function formOf(spec: FlagSpec): string {
  const words = spec.values?.map((word) => `"${word}"`).join(" or ");
  if (spec.type === "text" && words) return words;
  return words ? `${KINDS[spec.type].form}, or ${words}` : KINDS[spec.type].form;
}
