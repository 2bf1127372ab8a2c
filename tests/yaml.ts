// The one door to yaml.
import { parseAllDocuments } from "npm:yaml@2.9.1";

/** The documents of a YAML text; throws for what is no YAML, or names a key twice. */
export function parseYaml(text: string): unknown[] {
  return parseAllDocuments(text, { strict: true, uniqueKeys: true }).map((document) => {
    const [problem] = [...document.errors, ...document.warnings];
    if (problem) throw problem;
    return document.toJS() as unknown;
  });
}
