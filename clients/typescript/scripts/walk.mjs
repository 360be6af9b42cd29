// Writes the TypeScript blocks of docs/storefront.md as one program, generated/walk.ts, which
// test/walk.test.ts runs. A comment `// → VALUE` is what the line before it prints.
import { mkdir, readFile, writeFile } from "node:fs/promises";

const text = await readFile(new URL("../../../docs/storefront.md", import.meta.url), "utf8");
const blocks = [...text.matchAll(/^```ts\n([\s\S]*?)^```$/gm)].map((match) => match[1]);
if (blocks.length < 6) throw new Error(`docs/storefront.md has ${blocks.length} blocks`);
const program = blocks.join("\n").replaceAll('"souk-client"', '"../src/index.js"');
const printed = [...program.matchAll(/\/\/ → (.*)$/gm)].map((match) => match[1]);
const folder = new URL("../generated/", import.meta.url);
await mkdir(folder, { recursive: true });
await writeFile(
  new URL("walk.ts", folder),
  `// Generated from docs/storefront.md: do not edit.
${program}
/** printed is what the program prints, line by line. */
export const printed: string[] = ${JSON.stringify(printed)};
`,
);
