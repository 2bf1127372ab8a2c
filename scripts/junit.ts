// What a runner of tests reports.

/** How its tests went. */
export interface Counts {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: readonly string[];
}

const ENTITIES: Readonly<Record<string, string>> = {
  quot: '"',
  apos: "'",
  lt: "<",
  gt: ">",
  amp: "&",
};

/** What an attribute says. */
function textOf(attribute: string): string {
  return attribute.replace(/&(\w+);/g, (whole, name) => ENTITIES[name] ?? whole);
}

/** What a JUnit report counts; groups have no result of their own. */
export function countsOf(xml: string): Counts {
  const skipped: string[] = [];
  let [passed, failed] = [0, 0];
  for (
    const [, tag = "", body = ""] of xml.matchAll(
      /<testcase ([^>]*?)(?:\/>|>([\s\S]*?)<\/testcase>)/g,
    )
  ) {
    if (/<(failure|error)\b/.test(body)) failed++;
    else if (body.includes("<skipped")) skipped.push(textOf(/name="([^"]*)"/.exec(tag)?.[1] ?? ""));
    else passed++;
  }
  return { passed, failed, skipped };
}
