/**
 * `deno task pack [--output file] [--level 0..9]`: makes maglevc one file that runs where no Deno is installed.
 *
 * It is no compiled program but what it says it is: a shell script with the very Deno that made it and the
 * client's code behind it. The first run unpacks both (with xz) into the user's cache, under a name made of their
 * content; every later run starts Deno from there. `deno task compile` is Deno's own way, for which Deno fetches
 * a base binary from its site.
 *
 * @module
 */
import { createHash } from "node:crypto";
import { parseArgs } from "node:util";
import manifest from "../../deno.json" with { type: "json" };
import { version } from "../version.ts";
import { bundlePrograms, root } from "./deb_bundle.ts";
import { permissionFlags } from "../deno_flags.ts";

/** What goes into a packed file. */
export interface PackContents {
  /** Kernel and machine that the Deno is for, as `uname -sm` prints them. */
  readonly system: string;
  /** First 16 hexadecimal digits of a hash over code and Deno. */
  readonly id: string;
  /** Octets of the client's code. */
  readonly codeSize: number;
  /** Rights of the program, as flags of `deno run`. */
  readonly permissions: readonly string[];
}

/** Digits of the offset in the header; fixed, because the offset counts the header itself. */
const offsetDigits = 6;

/**
 * The script at the head of a packed file. The code comes before the packed Deno, so that a file that was cut off
 * anywhere fails in xz and is never unpacked.
 */
export function packHeader({ system, id, codeSize, permissions }: PackContents): string {
  const write = (codeAt: number): string => {
    const at = String(codeAt).padStart(offsetDigits, "0");
    const denoAt = String(codeAt + codeSize).padStart(offsetDigits + 2, "0");
    return `#!/bin/sh
# maglevc ${version}: the client's code and Deno ${Deno.version.deno}, packed into one file by "deno task pack".
# The first run unpacks both into the cache (about 100 MB); later runs start from there.
set -u
# What is made here is for its owner alone, the code that Deno compiles included.
umask 077
elsewhere="XDG_CACHE_HOME names another place"
fail() { echo "maglevc: $1" >&2; exit 1; }
# A relative XDG_CACHE_HOME is to be ignored (XDG Base Directory Specification).
case \${XDG_CACHE_HOME:-} in
  /*) base=$XDG_CACHE_HOME ;;
  *)
    case \${HOME:-} in
      /*) [ -d "$HOME" ] || fail "there is no $HOME to unpack into; $elsewhere" ;;
      *) fail "HOME is not set, and there is nowhere to unpack into; $elsewhere" ;;
    esac
    base=$HOME/.cache ;;
esac
me=$(id -u) || fail "cannot tell who runs this"

# Names the first path that others could change, or that belongs to somebody else; says nothing if all is well.
# "our" paths must be this user's; "any" may be root's, too, and open to all with the sticky bit.
foreign() { # our|any PATH...
  whose=$1
  shift
  ls -ldn "$@" 2>/dev/null | {
    good=0
    while read -r mode _ owner _ _ _ _ _ path; do
      case $mode in
        [d-]????-??-*) ;;
        d????????[tT]*) [ "$whose" = any ] || { echo "$path"; exit; } ;;
        *) echo "$path"; exit ;;
      esac
      [ "$owner" = "$me" ] || { [ "$owner" = 0 ] && [ "$whose" = any ]; } || { echo "$path"; exit; }
      good=$((good + 1))
    done
    # What ls did not show was not looked at.
    [ "$good" = "$#" ] || echo "$*"
  }
}

# Every folder down to a path decides what is at that path.
check_above() { # FOLDER
  up=$1
  set -- "$up"
  while [ "$up" != / ]; do
    up=\${up%/*}
    up=\${up:-/}
    set -- "$up" "$@"
  done
  bad=$(foreign any "$@")
  [ -z "$bad" ] || fail "others can change $bad, and so what is run from there; $elsewhere"
}

# The nearest folder that is there, without symbolic links.
top=$base/maglevc
while [ ! -d "$top" ]; do
  [ ! -e "$top" ] || fail "cannot write $base/maglevc; $elsewhere"
  top=\${top%/*}
  top=\${top:-/}
done
check_above "$(cd -P -- "$top" && pwd -P)"
cache=$base/maglevc
if [ ! -d "$cache" ]; then
  mkdir -p "$cache" 2>/dev/null || fail "cannot write $cache; $elsewhere"
fi
cache=$(cd -P -- "$cache" && pwd -P) || fail "cannot read $base/maglevc; $elsewhere"
here=$cache/${id}
if [ ! -e "$here" ]; then
  [ "$(uname -sm)" = "${system}" ] || fail "this file is for ${system}, not for $(uname -sm)"
  command -v xz >/dev/null || fail "unpacking needs xz (Debian: xz-utils)"
  bad=$(foreign our "$cache")
  [ -z "$bad" ] || fail "others can change $bad, and so what is run from there; $elsewhere"
  new=$(mktemp -d "$cache/new.XXXXXX") || fail "cannot write $cache; $elsewhere"
  trap 'rm -rf "$new"' EXIT HUP INT TERM
  tail -c +${at} "$0" | head -c ${codeSize} >"$new/maglevc.js" &&
    tail -c +${denoAt} "$0" | xz -dc >"$new/deno" && chmod 700 "$new/deno" ||
    fail "$0 is damaged, or $cache is full"
  # Another first run may have been faster; its result is the same.
  mv -T "$new" "$here" 2>/dev/null || [ -x "$here/deno" ] || fail "cannot write $here"
  # Older versions have had their time: folders named by a hash that hold what this script unpacks, and of those only
  # what it put there.
  for old in "$cache"/????????????????; do
    case \${old##*/} in *[!0-9a-f]*) continue ;; esac
    [ "$old" != "$here" ] && [ ! -L "$old" ] && [ -f "$old/deno" ] && [ -f "$old/maglevc.js" ] || continue
    rm -rf "$old/cache" "$old/deno" "$old/maglevc.js"
    rmdir "$old" 2>/dev/null
  done
  trap - EXIT HUP INT TERM
  rm -rf "$new"
fi
bad=$(foreign our "$cache" "$here" "$here/deno" "$here/maglevc.js")
[ -z "$bad" ] || fail "others can change $bad, or it is not yours, so it is not run; $elsewhere"
[ -x "$here/deno" ] && [ -f "$here/maglevc.js" ] || fail "$here is not whole; remove it"
DENO_DIR=$here/cache DENO_NO_UPDATE_CHECK=1 exec "$here/deno" run --quiet --no-config --no-lock --no-npm --no-remote \\
  --no-prompt ${permissions.join(" ")} "$here/maglevc.js" "$@"
exit 1
`;
  };
  // tail counts octets from 1.
  return write(new TextEncoder().encode(write(0)).length + 1);
}

async function compress(file: string, level: number): Promise<Uint8Array<ArrayBuffer>> {
  const { success, stdout } = await new Deno.Command("xz", {
    args: [`-${level}`, "-T0", "-c", file],
    stdout: "piped",
    stderr: "inherit",
  }).output();
  if (!success) throw new Error(`xz could not compress ${file}`);
  return stdout;
}

async function systemName(): Promise<string> {
  const { stdout } = await new Deno.Command("uname", { args: ["-sm"] }).output();
  return new TextDecoder().decode(stdout).trim();
}

/**
 * Makes the packed file. Needs xz.
 *
 * @param output path to write, mode 0755
 * @param level 0 (fast) to 9 (small)
 * @returns its size in octets
 */
export async function pack(output: string, level: number): Promise<number> {
  const { files } = await bundlePrograms({ "maglevc.js": "src/cli/main.ts" });
  const code = new TextEncoder().encode(files.get("maglevc.js"));
  const deno = await Deno.readFile(Deno.execPath());
  const id = createHash("sha256").update(code).update(deno).digest("hex").slice(0, 16);
  const header = packHeader({
    system: await systemName(),
    id,
    codeSize: code.length,
    permissions: permissionFlags(manifest.permissions.client),
  });
  const packed = await compress(Deno.execPath(), level);
  using file = await Deno.open(output, { write: true, create: true, truncate: true, mode: 0o755 });
  let size = 0;
  for (const part of [new TextEncoder().encode(header), code, packed]) {
    for (let at = 0; at < part.length;) at += await file.write(part.subarray(at));
    size += part.length;
  }
  return size;
}

if (import.meta.main) {
  const { values } = parseArgs({
    args: Deno.args,
    options: {
      output: { type: "string", default: `${root}dist/maglevc-packed` },
      level: { type: "string", default: "6" },
    },
  });
  if (!/^[0-9]$/.test(values.level)) throw new TypeError("--level is 0 to 9");
  await Deno.mkdir(values.output.slice(0, values.output.lastIndexOf("/") + 1) || ".", { recursive: true });
  const size = await pack(values.output, Number(values.level));
  const text =
    `${values.output}: ${(size / 1e6).toFixed(1)} MB; a script with Deno ${Deno.version.deno} in it, ` +
    "unpacked by its first run\n";
  Deno.stdout.writeSync(new TextEncoder().encode(text));
}
