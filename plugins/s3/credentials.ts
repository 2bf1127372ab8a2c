// Who signs, and what the environment and the files of AWS's tools say of it: the one place that reads `AWS_…`, and the
// door to AWS's own chain of credentials, which is big and so loaded only where it is needed.
import { readFile } from "node:fs/promises";
import process from "node:process";
import { type Clock, messageOf, OciError } from "../../core/mod.ts";
import { type Address, parseEndpoint } from "./address.ts";
import { profileOf } from "./profile.ts";
import type { Credentials } from "./signer.ts";

/** Gives credentials that hold for a while; `renew` says that the last ones were refused. */
export type CredentialSource = (renew?: boolean) => Promise<Credentials | undefined>;

/** Milliseconds before their end from which credentials are fetched anew. */
const EARLY = 300_000;

/** What the environment adds to an address. */
export interface Surroundings {
  readonly endpoint?: URL;
  readonly region?: string;
  /** Certificates that are trusted, in PEM. */
  readonly ca?: string;
}

const env = (name: string) => process.env[name] || undefined;

/** What stands beside the address: its own query wins, then the environment, then the profile. */
export async function surroundings(address: Address): Promise<Surroundings> {
  const profile = address.profile ?? env("AWS_PROFILE");
  const said = profile === undefined ? {} : await profileOf(profile, env("AWS_CONFIG_FILE"));
  const spelled = env("AWS_ENDPOINT_URL_S3") ?? env("AWS_ENDPOINT_URL") ?? said["endpoint_url"];
  const endpoint = address.endpoint ?? (spelled === undefined ? undefined : parseEndpoint(spelled));
  const region = address.region ?? env("AWS_REGION") ?? env("AWS_DEFAULT_REGION") ?? said["region"];
  const file = address.ca ?? env("AWS_CA_BUNDLE") ?? said["ca_bundle"];
  return {
    ...(endpoint ? { endpoint } : {}),
    ...(region === undefined ? {} : { region }),
    ...(file === undefined ? {} : { ca: await certificates(file) }),
  };
}

async function certificates(file: string): Promise<string> {
  try {
    return await readFile(file, "utf8");
  } catch (cause) {
    const why = messageOf(cause);
    throw new OciError("invalid", `Cannot read the certificates in "${file}": ${why}`, { cause });
  }
}

/** The credentials of an address: those of the environment unless a profile is named, else what AWS's chain finds. */
export function credentialSource({ anonymous, profile }: Address, clock: Clock): CredentialSource {
  if (anonymous) return () => Promise.resolve(undefined);
  const [accessKeyId, secretAccessKey] = [env("AWS_ACCESS_KEY_ID"), env("AWS_SECRET_ACCESS_KEY")];
  const sessionToken = env("AWS_SESSION_TOKEN");
  if (accessKeyId !== undefined && secretAccessKey !== undefined && profile === undefined) {
    const session = sessionToken === undefined ? {} : { sessionToken };
    return () => Promise.resolve({ accessKeyId, secretAccessKey, ...session });
  }
  return renewing(() => fromChain(profile), clock);
}

/** Credentials that are fetched once at a time, and anew before they end. */
export function renewing(
  fetch: () => Promise<Credentials>,
  clock: Clock,
): CredentialSource {
  let held: Credentials | undefined;
  let fetching: Promise<Credentials> | undefined;
  const fetched = () =>
    Promise.try(fetch).then((found) => held = found).finally(() => fetching = undefined);
  return async (renew = false) => {
    const end = held?.expiration?.getTime() ?? Infinity;
    if (held && !renew && end - clock.now() > EARLY) return held;
    return await (fetching ??= fetched());
  };
}

async function fromChain(profile: string | undefined): Promise<Credentials> {
  try {
    const { defaultProvider } = await import("npm:@aws-sdk/credential-provider-node@3.972.97");
    return await defaultProvider(profile === undefined ? {} : { profile })();
  } catch (cause) {
    const named = profile === undefined ? "" : ` for the profile "${profile}"`;
    throw new OciError(
      "refused",
      `Cannot find credentials${named}: neither in AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, nor in ~/.aws, nor ` +
        "from the machine; a runtime that was not granted to read them skips them silently " +
        "(Deno: --allow-env, --allow-read, --allow-sys=homedir)",
      { reason: "credentials", cause },
    );
  }
}
