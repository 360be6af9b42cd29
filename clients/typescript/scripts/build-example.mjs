// Builds the example into a folder: SOUK_URL=http://127.0.0.1:8080 node scripts/build-example.mjs FOLDER
import { cp, mkdir, readFile, writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const source = new URL("../example/", import.meta.url);

export async function buildExample(folder, url) {
  const { origin } = new URL(url);
  await mkdir(folder, { recursive: true });
  await build({
    entryPoints: [new URL("main.ts", source).pathname],
    bundle: true,
    minify: true,
    sourcemap: true,
    format: "esm",
    target: "es2022",
    outfile: `${folder}/main.js`,
    define: { SOUK_URL: JSON.stringify(origin) },
    logLevel: "warning",
  });
  const page = await readFile(new URL("index.html", source), "utf8");
  await writeFile(`${folder}/index.html`, page.replace("SOUK_URL", origin));
  await cp(new URL("style.css", source), `${folder}/style.css`);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await buildExample(process.argv[2], process.env.SOUK_URL ?? "http://127.0.0.1:8080");
