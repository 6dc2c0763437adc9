// Runs test/*.test.*, or those whose names have one of the arguments in them.
import { spawnSync } from "node:child_process"
import { readdirSync, rmSync } from "node:fs"
import { join } from "node:path"
import { build } from "esbuild"

const root = join(import.meta.dirname ?? new URL(".", import.meta.url).pathname, "..")
const wanted = process.argv.slice(2)
const tests = readdirSync(join(root, "test")).filter((file) => /\.test\.[jt]s$/.test(file) && (wanted.length === 0 || wanted.some((part) => file.includes(part))))
// Inside the package, so that it can be asked for by its name.
const directory = join(root, "tmp", "test")

rmSync(directory, { recursive: true, force: true })
await build({
  absWorkingDir: root,
  entryPoints: tests.map((file) => `test/${file}`),
  outdir: directory,
  bundle: true,
  platform: "node",
  format: "esm",
  target: "node20",
  sourcemap: "inline",
  external: ["atr-client", "atr-client/testing"],
  logLevel: "warning",
})
const files = readdirSync(directory).map((file) => join(directory, file))
const { status } = spawnSync(process.execPath, ["--enable-source-maps", "--test", "--test-reporter=spec", ...files], { cwd: root, stdio: "inherit" })
process.exit(status ?? 1)
