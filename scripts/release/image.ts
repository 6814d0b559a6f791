/** The image's file system as one archive, for any builder of images, and its bill of materials. deploy/Dockerfile makes the same. */
import { copyFileSync, cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** Runs a program in the checkout, or in a folder, and gives what it printed. */
export type Run = (command: string, args: readonly string[], cwd?: string) => string;

/** The user that owns what the image may write. */
const USER = "65532";
const WRITABLE = "var/cache/icemint";

/** Writes the archive and the bill of materials into `folder`. `dist` must be built. */
export function makeImageRoot(options: { root: string; folder: string; version: string; run: Run }): void {
  const { root, folder, version, run } = options;
  const work = mkdtempSync(join(tmpdir(), "icemint-image-"));
  try {
    const image = join(work, "root");
    run("sh", ["deploy/image-root.sh", image]);
    const bill = installApp(root, join(image, "app"), run);
    copyFileSync(bill, join(folder, `icemint-${version}.cdx.json`));
    const archive = join(folder, `icemint-${version}-image-root.tar`);
    const time = `--mtime=@${run("git", ["log", "-1", "--format=%ct"]).trim()}`;
    // The same bytes from the same commit, on any machine.
    const same = ["--sort=name", "--numeric-owner", time, "-C", image];
    run("tar", ["-cf", archive, "--owner=0", "--group=0", `--exclude=./${WRITABLE}`, ...same, "."]);
    run("tar", ["-rf", archive, `--owner=${USER}`, `--group=${USER}`, ...same, `./${WRITABLE}`]);
    run("gzip", ["-n", archive]);
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

/** Installs what production needs, from the lock file alone and without scripts; gives the path of the bill of materials. */
function installApp(root: string, app: string, run: Run): string {
  mkdirSync(app);
  for (const name of ["package.json", "package-lock.json"]) copyFileSync(join(root, name), join(app, name));
  run("npm", ["ci", "--omit=dev", "--ignore-scripts", "--prefer-offline", "--no-audit", "--no-fund"], app);
  // npm's bill of materials with --omit=dev leaves out what development uses as well: so there is no development here.
  run("npm", ["pkg", "delete", "devDependencies"], app);
  const bill = join(app, "sbom.cdx.json");
  writeFileSync(bill, run("npm", ["sbom", "--sbom-type=application", "--sbom-format=cyclonedx"], app));
  copyFileSync(join(root, "package.json"), join(app, "package.json"));
  rmSync(join(app, "package-lock.json"));
  for (const part of ["dist", "proto", "conformance"]) cpSync(join(root, part), join(app, part), { recursive: true });
  return bill;
}
