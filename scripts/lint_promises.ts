// A promise that nobody waits for loses its error: the one rule that needs types, and so another linter than Deno's.
// Run by Bun, whose node_modules hold the types of node.
import { ESLint } from "eslint";
import tseslint from "typescript-eslint";
import process from "node:process";

const eslint = new ESLint({
  overrideConfigFile: true,
  baseConfig: {
    files: ["**/*.ts"],
    ignores: ["**/*.d.ts"],
    languageOptions: {
      parser: tseslint.parser,
      parserOptions: { project: "./tsconfig.json", tsconfigRootDir: process.cwd() },
    },
    plugins: { "@typescript-eslint": tseslint.plugin },
    linterOptions: { reportUnusedDisableDirectives: "off" },
    rules: {
      "@typescript-eslint/no-floating-promises": ["error", { ignoreVoid: true }],
      "@typescript-eslint/return-await": ["error", "error-handling-correctness-only"],
    },
  },
});

const results = await eslint.lintFiles([
  "cli.ts",
  "mod.ts",
  "core/**/*.ts",
  "plugins/**/*.ts",
  "scripts/**/*.ts",
]);
for (const { filePath, messages } of results) {
  for (const { line, message } of messages) console.error(`${filePath}:${line}: ${message}`);
}
const wrong = results.reduce((sum, { messages }) => sum + messages.length, 0);
console.log(`promises: ${results.length} files, ${wrong} complaints`);
process.exitCode = wrong > 0 ? 1 : 0;
