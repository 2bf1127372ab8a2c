// The one door to semver.
// @ts-types="./semver.d.ts"
import semver from "npm:semver@7.8.6";
import { OciError } from "../../core/mod.ts";

/** Whether a text can be read as a range of versions. */
export function isRange(text: string): boolean {
  return semver.validRange(text) !== null;
}

/**
 * Whether the version a name spells, with or without `v` and with missing numbers as 0, lies in a range such as
 * `>=1.2 <2`. A name without a version lies in none.
 *
 * @throws {OciError} `invalid` for a range that cannot be read.
 */
export function inRange(name: string, range: string): boolean {
  if (!isRange(range)) {
    throw new OciError("invalid", `Cannot read ${JSON.stringify(range)} as a range of versions`);
  }
  const [, major, minor = "0", patch = "0", rest = ""] =
    /^v?(\d+)(?:\.(\d+))?(?:\.(\d+))?([-+].*)?$/.exec(name) ?? [];
  const version = semver.parse(`${major}.${minor}.${patch}${rest}`);
  return version !== null && semver.satisfies(version, range, { includePrerelease: true });
}
