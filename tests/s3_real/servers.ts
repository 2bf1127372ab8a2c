// The real servers of this run, from the environment: `scripts/s3_servers.sh` starts some and prints the variables.
//
//   STOWAGE_TEST_S3_SERVERS="rgw swift"    then for each: STOWAGE_TEST_S3_RGW_ENDPOINT, …_ACCESS_KEY_ID,
//                                          …_SECRET_ACCESS_KEY, …_BUCKET, …_REGION, …_VERSION, …_ENDPOINT_B,
//                                          …_FULL_ACCESS_KEY_ID, …_FULL_SECRET_ACCESS_KEY
//   STOWAGE_TEST_S3_ENDPOINT, …            any other, without a name
import process from "node:process";
import { type Column, COLUMNS } from "../s3_server/observed.ts";

/** A server that was started by somebody else. */
export interface RealServer {
  readonly name: string;
  readonly url: string;
  /** A second gateway to the same store. */
  readonly other: string | undefined;
  readonly accessKey: string;
  readonly secretKey: string;
  readonly token?: string;
  /** Another user, who may keep few objects. */
  readonly full?: { readonly accessKey: string; readonly secretKey: string };
  readonly region: string;
  /** It exists; only keys below `prefix` are touched. */
  readonly bucket: string;
  readonly prefix: string;
  readonly version: string;
  /** Which column of `observed.ts` tells what it answers. */
  readonly column: Column | undefined;
  /** What it is good for, where that is known: whether several may write. */
  readonly conditional: boolean;
}

const COLUMN_OF: Readonly<Record<string, Column>> = {
  rgw: "rgw16",
  swift: "swift",
  versitygw: "versitygw",
  minio: "minio",
};

/** A server that variables tell of. */
export function serverFrom(
  name: string,
  variables: Readonly<Record<string, string | undefined>>,
): RealServer | undefined {
  const value = (variable: string) =>
    variables[`STOWAGE_TEST_S3_${name === "" ? "" : `${name.toUpperCase()}_`}${variable}`] ||
    undefined;
  const url = value("ENDPOINT");
  if (url === undefined) return undefined;
  const token = value("SESSION_TOKEN");
  const [accessKey, secretKey] = [value("FULL_ACCESS_KEY_ID"), value("FULL_SECRET_ACCESS_KEY")];
  return {
    name: name || new URL(url).host,
    url,
    other: value("ENDPOINT_B"),
    accessKey: value("ACCESS_KEY_ID") ?? "",
    secretKey: value("SECRET_ACCESS_KEY") ?? "",
    ...(token === undefined ? {} : { token }),
    ...(accessKey === undefined || secretKey === undefined
      ? {}
      : { full: { accessKey, secretKey } }),
    region: value("REGION") ?? "us-east-1",
    bucket: value("BUCKET") ?? "",
    prefix: value("PREFIX") ?? "",
    version: value("VERSION") ?? "",
    column: COLUMNS.find((column) => column === COLUMN_OF[name]),
    conditional: (value("TIER") ?? (name === "swift" ? "alone" : "full")) !== "alone",
  };
}

const named = (process.env["STOWAGE_TEST_S3_SERVERS"] ?? "").split(" ").filter((name) =>
  name !== ""
);

/** All servers of this run. */
export const servers: readonly RealServer[] = ["", ...named].flatMap((name) =>
  serverFrom(name, process.env) ?? []
);

/** Those that are known to the script and are not there. */
export const missing: readonly string[] = ["rgw", "swift", "versitygw", "minio"]
  .filter((name) => !named.includes(name));
