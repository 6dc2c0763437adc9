// Builds the package into dist/, and the module that ships in the gem into app/assets/javascripts. With --check it only looks whether
// the latter is what the sources give.
import { execFileSync } from "node:child_process"
import { copyFileSync, mkdirSync, readFileSync, rmSync } from "node:fs"
import { join } from "node:path"
import { build } from "esbuild"

const root = join(import.meta.dirname ?? new URL(".", import.meta.url).pathname, "..")
const assets = join(root, "..", "app", "assets", "javascripts")
const shipped = ["atr.js", "atr.js.map"]
const { name, version, license } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"))

const options = {
  absWorkingDir: root,
  bundle: true,
  format: "esm",
  target: "es2022",
  sourcemap: true,
  legalComments: "none",
  // At the end, because Sprockets moves all lines below a comment that a file begins with, and the source map would be wrong.
  footer: { js: `/*! ${name} ${version}, ${license} */` },
  logLevel: "warning",
}

rmSync(join(root, "dist"), { recursive: true, force: true })
// npm packs nothing from outside of the package.
copyFileSync(join(root, "..", "LICENSE"), join(root, "LICENSE"))
await build({ ...options, entryPoints: ["src/index.ts"], outfile: "dist/atr.js", minify: true })
await build({ ...options, entryPoints: ["src/testing/index.ts"], outfile: "dist/testing.js" })
const types = ["--declaration", "--emitDeclarationOnly", "--stripInternal", "--outDir", "dist/types"]
execFileSync(process.execPath, [join(root, "node_modules", "typescript", "bin", "tsc"), ...types], { cwd: root, stdio: "inherit" })

if (process.argv.includes("--check")) {
  const stale = shipped.filter((file) => !same(join(root, "dist", file), join(assets, file)))
  if (stale.length > 0) {
    console.error(`app/assets/javascripts: ${stale.join(" and ")} is not what js/src gives. Run rake js:build and commit it.`)
    process.exit(1)
  }
} else {
  mkdirSync(assets, { recursive: true })
  for (const file of shipped) copyFileSync(join(root, "dist", file), join(assets, file))
}

function same(one, other) {
  try {
    return readFileSync(one).equals(readFileSync(other))
  } catch {
    return false
  }
}
