/** What of semver is used. */
declare const semver: {
  parse(version: string): { readonly version: string } | null;
  validRange(range: string): string | null;
  satisfies(
    version: { readonly version: string },
    range: string,
    options: { readonly includePrerelease: boolean },
  ): boolean;
};
export default semver;
