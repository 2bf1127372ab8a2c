// A request and its answer as plain values: what the service works on, with or without a socket.

/** A request, as it came. */
export interface S3Request {
  readonly method: string;
  /** Path and query as sent. */
  readonly target: string;
  /** The path as sent, still encoded. */
  readonly path: string;
  /** The query, decoded, in the order sent. */
  readonly query: readonly (readonly [name: string, value: string])[];
  /** By name in lower case; repeated ones joined by a comma. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
  /** When its head came, as the store counts its changes: what came later is a race. */
  readonly arrived: number;
}

/** An answer. */
export interface S3Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: readonly Uint8Array[];
  /** How long blanks are sent before the body, in milliseconds. */
  readonly blanks?: number;
}

/** Splits a request target; a `+` in a query is a plus, as signers do not mean a space by it. */
export function parseTarget(target: string): Pick<S3Request, "target" | "path" | "query"> {
  const [path = "/", ...rest] = target.split("?");
  const query = rest.join("?").split("&").filter((pair) => pair !== "").map((pair) => {
    const at = pair.indexOf("=");
    const [name, value] = at < 0 ? [pair, ""] : [pair.slice(0, at), pair.slice(at + 1)];
    return [decode(name), decode(value)] as const;
  });
  return { target, path, query };
}

/** Percent-decodes; a text that cannot be decoded stays. */
export function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** Percent-encodes everything but letters, digits and `-._~`. */
export function encode(text: string): string {
  return encodeURIComponent(text).replace(
    /[!'()*]/g,
    (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}

/** The value of a query parameter. */
export function parameter({ query }: S3Request, name: string): string | undefined {
  return query.find(([key]) => key === name)?.[1];
}

/** Bytes of a text. */
export const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text);

/** Text of bytes. */
export const text = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);

/** An answer without a body. */
export const empty = (status: number, headers: Record<string, string> = {}): S3Answer => ({
  status,
  headers,
  body: [],
});
