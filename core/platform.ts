import type { Platform } from "./descriptor.ts";
import { OciError } from "./errors.ts";

const ALIASES: ReadonlyMap<string, readonly [string, string?]> = new Map([
  ["x86_64", ["amd64"]],
  ["x86-64", ["amd64"]],
  ["aarch64", ["arm64"]],
  ["armhf", ["arm", "v7"]],
  ["armel", ["arm", "v6"]],
]);
const VARIANTS: ReadonlyMap<string, string> = new Map([["arm64", "v8"], ["arm", "v7"]]);

/** Whether a value read from elsewhere, such as an image's config, names a platform. */
export function isPlatform(value: unknown): value is Platform {
  if (typeof value !== "object" || value === null) return false;
  const { os, architecture, variant, "os.version": version, "os.features": features } =
    value as Record<string, unknown>;
  const text = (one: unknown) => typeof one === "string";
  return text(os) && text(architecture) &&
    [variant, version].every((one) => one === undefined || text(one)) &&
    (features === undefined || Array.isArray(features) && features.every(text));
}

/**
 * Reads `os/arch[/variant]`; an object goes through.
 *
 * @throws {OciError} `invalid`.
 */
export function parsePlatform(platform: string | Platform): Platform {
  if (isPlatform(platform)) return platform;
  if (typeof platform !== "string") {
    throw new OciError(
      "invalid",
      'Cannot read an object as a platform: it needs "os" and "architecture"',
    );
  }
  const [os, architecture, variant, ...more] = platform.split("/");
  const parts = [os, architecture, ...(variant === undefined ? [] : [variant])];
  const legal = parts.every((part) => part !== undefined && /^[A-Za-z0-9._-]+$/.test(part));
  if (!legal || os === undefined || architecture === undefined || more.length > 0) {
    throw new OciError(
      "invalid",
      `Cannot read ${JSON.stringify(platform)} as a platform: write "os/arch" or "os/arch/variant"`,
    );
  }
  return { os, architecture, ...(variant === undefined ? {} : { variant }) };
}

/** A platform as it is typed. */
export function printPlatform({ os, architecture, variant }: Platform): string {
  return `${os}/${architecture}${variant ? `/${variant}` : ""}`;
}

function normal({ architecture, variant }: Platform): readonly [string, string | undefined] {
  const [name = architecture, implied] = ALIASES.get(architecture) ?? [];
  return [name, variant || (implied ?? VARIANTS.get(name))];
}

/** Whether what runs on `wanted` runs on `there`; attestations, of an unknown platform, never do. */
export function matches(there: Platform, wanted: Platform): boolean {
  if (there.os === "unknown" || there.os !== wanted.os) return false;
  const [name, variant] = normal(there);
  const [wantedName, wantedVariant] = normal(wanted);
  if (name !== wantedName || variant !== wantedVariant) return false;
  const version = wanted["os.version"];
  if (version !== undefined && !there["os.version"]?.startsWith(version)) return false;
  const features = there["os.features"] ?? [];
  return (wanted["os.features"] ?? []).every((feature) => features.includes(feature));
}
