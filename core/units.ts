const BYTES: Readonly<Record<string, number>> = {
  "": 1,
  B: 1,
  KiB: 2 ** 10,
  MiB: 2 ** 20,
  GiB: 2 ** 30,
  TiB: 2 ** 40,
  kB: 1e3,
  KB: 1e3,
  MB: 1e6,
  GB: 1e9,
  TB: 1e12,
};
const MILLISECONDS: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1e3,
  m: 6e4,
  h: 36e5,
  d: 864e5,
};

function measured(text: string, units: Readonly<Record<string, number>>): number | undefined {
  const [, digits = "", unit = ""] = /^(\d+(?:\.\d+)?) ?([A-Za-z]*)$/.exec(text) ?? [];
  const factor = Object.hasOwn(units, unit) ? units[unit] : undefined;
  const value = digits === "" || factor === undefined ? NaN : Math.round(Number(digits) * factor);
  return Number.isSafeInteger(value) ? value : undefined;
}

/** Bytes: `512KiB`, `20GiB`, `1GB`, or a bare number. */
export function readSize(text: string): number | undefined {
  return measured(text, BYTES);
}

/** Milliseconds: `90s`, `15m`, `24h`, `14d`. The unit must be there, save for `0`. */
export function readDuration(text: string): number | undefined {
  return text === "0" ? 0 : measured(text, MILLISECONDS);
}
