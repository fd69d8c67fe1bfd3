/**
 * A real `dpkg -i`, `-r` and `-P`: in a throw-away copy of this machine's root (an overlay in namespaces of its
 * own) where the kernel and the rights allow it, and on the machine itself only when MAGLEV_TEST_DPKG=1 says so.
 *
 * @module
 */

/** Where the trial takes place. */
export type TrialPlace =
  | { readonly kind: "in an overlay" }
  | { readonly kind: "on this machine" }
  | { readonly kind: "none"; readonly reason: string };

/** Runs as root with process id 1 of its own; $1 is the folder of the package, $2 a new folder, $3 the trial. */
const overlay = `set -eu
mount -t tmpfs -o size=400m,mode=755 maglev-trial "$2"
mkdir "$2/upper" "$2/work" "$2/root"
mount -t overlay overlay -o "lowerdir=/,upperdir=$2/upper,workdir=$2/work" "$2/root"
mount -t proc proc "$2/root/proc"
mount --bind /dev "$2/root/dev"
mkdir -p "$2/root/mnt"
# The index of all manual pages takes seconds and is nothing to this trial.
rm -f "$2/root/var/lib/man-db/auto-update"
mount --bind "$1" "$2/root/mnt"
exec chroot "$2/root" /bin/sh -c "$3" trial /mnt
`;

/** What is tried; prints a line \`== step\` before the output of each. $1 is the folder of the package. */
const trial = `set -eu
export LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive PATH=/usr/sbin:/usr/bin:/sbin:/bin
step() { echo "== $1"; }
traces() {
  find /etc /usr /var/cache /var/lib -maxdepth 4 \\( -name '*maglevd*' -o -name '*maglevc*' -o -name 'maglevd-deno*' \\) | sort
}
traces >/tmp/before
step install
getent group vpp >/dev/null || addgroup --quiet --system vpp
dpkg --force-unsafe-io --install "$1"/*.deb
step status
dpkg-query --show --showformat '\${Status}\\n' maglevd-deno
step user
getent passwd maglevd
step groups
id -nG maglevd
step modes
stat -c '%a %U:%G' /etc/vpp-maglev/maglev.yaml /usr/sbin/maglevd /lib/systemd/system/maglevd.service
step changed
dpkg --verify maglevd-deno
step enabled
find /etc/systemd -name 'maglevd*' | grep . || echo none
step running
readlink /proc/[0-9]*/exe | grep '/usr/lib/maglevd-deno/' || echo none
step version
maglevd --version
step unedited
code=0
setpriv --reuid maglevd --regid maglevd --init-groups --inh-caps=-all maglevd || code=$?
echo "exit $code"
step manual
for page in 8/maglevd.8 1/maglevc.1 5/maglev.yaml.5; do basename /usr/share/man/man"$page".gz; test -s /usr/share/man/man"$page".gz; done
step edit
echo '# mine' >>/etc/default/maglevd
chown root:root /etc/vpp-maglev/maglev.yaml
chmod 600 /etc/vpp-maglev/maglev.yaml
dpkg --force-unsafe-io --install "$1"/*.deb
step kept
tail -n 1 /etc/default/maglevd
stat -c '%a %U:%G' /etc/vpp-maglev/maglev.yaml
traces | comm -13 /tmp/before - | wc -l
step remove
mkdir -p /var/cache/maglevd /var/lib/vpp-maglev /etc/systemd/system/multi-user.target.wants
ln -s /lib/systemd/system/maglevd.service /etc/systemd/system/multi-user.target.wants/maglevd.service
dpkg --remove maglevd-deno
step removed
dpkg-query --show --showformat '\${Status}\\n' maglevd-deno
find /etc/default/maglevd /etc/vpp-maglev -type f
step purge
dpkg --purge maglevd-deno
step purged
dpkg-query --show maglevd-deno 2>/dev/null || echo gone
step left
traces >/tmp/after
comm -13 /tmp/before /tmp/after
rm /tmp/before /tmp/after
step stand-ins
# Packages as the Go project has them: the client and the daemon, each in a version above ours.
stand_in() { # NAME FILE CONFFILE
  mkdir -p /tmp/"$1"/DEBIAN /tmp/"$1$(dirname "$2")"
  printf 'Package: %s\nVersion: 1.0.2\nArchitecture: all\nMaintainer: A <a@example.com>\nDescription: stand-in\n' "$1" \
    >/tmp/"$1"/DEBIAN/control
  printf '#!/bin/sh\necho %s\n' "$1" >/tmp/"$1$2"
  chmod 755 /tmp/"$1$2"
  if [ -n "$3" ]; then
    mkdir -p /tmp/"$1$(dirname "$3")"
    echo '# as the Go package brings it' >/tmp/"$1$3"
    echo "$3" >/tmp/"$1"/DEBIAN/conffiles
  fi
  dpkg-deb --root-owner-group -Znone --build /tmp/"$1" /tmp/"$1".deb
}
stand_in vpp-maglev /usr/bin/maglevc ''
stand_in vpp-maglevd /usr/sbin/maglevd /etc/vpp-maglev/maglev.yaml
dpkg --force-unsafe-io --install /tmp/vpp-maglev.deb /tmp/vpp-maglevd.deb
echo "the operator's file" >/etc/vpp-maglev/maglev.yaml
dpkg --force-unsafe-io --install "$1"/*.deb </dev/null
step "took over"
dpkg-query --show --showformat '\${Package} \${Status}\\n' maglevd-deno vpp-maglev vpp-maglevd 2>/dev/null | grep 'ok installed'
cat /etc/vpp-maglev/maglev.yaml
dpkg-query --search /usr/sbin/maglevd /usr/bin/maglevc
ls /etc/vpp-maglev /etc/default | grep maglevd-deno || echo 'nothing left behind'
# Whoever tidies up what is left of the other packages must not lose the configuration.
dpkg --purge vpp-maglev vpp-maglevd >/dev/null
head -n 1 /etc/vpp-maglev/maglev.yaml
# From now on the file is like any that was edited.
dpkg --force-unsafe-io --install "$1"/*.deb </dev/null >/dev/null
head -n 1 /etc/vpp-maglev/maglev.yaml
step refused
# What an upgrade to the Go project's newer version would do: nothing by itself.
dpkg --force-unsafe-io --install /tmp/vpp-maglev.deb 2>&1 </dev/null || true
step still
maglevd --version | cut -d' ' -f1,2
step end
`;

function unshare(args: readonly string[]): Promise<Deno.CommandOutput> {
  return new Deno.Command("unshare", {
    args: ["--mount", "--propagation", "private", "--pid", "--fork", ...args],
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).output();
}

/** Finds out where a trial may take place. */
export async function trialPlace(): Promise<TrialPlace> {
  if (Deno.uid() !== 0) return { kind: "none", reason: "needs root" };
  const folder = await Deno.makeTempDir({ prefix: "maglev-trial-" });
  try {
    const { success } = await unshare(["sh", "-c", overlay, "overlay", folder, folder, "true"]);
    if (success) return { kind: "in an overlay" };
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
  return Deno.env.get("MAGLEV_TEST_DPKG") === "1"
    ? { kind: "on this machine" }
    : { kind: "none", reason: "no overlay mount here, and MAGLEV_TEST_DPKG=1 is not set" };
}

/** Installs, uses, removes and purges the package; gives the output of each step by its name. */
export async function installTrial(deb: string, place: TrialPlace): Promise<Map<string, string>> {
  const source = deb.slice(0, deb.lastIndexOf("/"));
  const folder = await Deno.makeTempDir({ prefix: "maglev-trial-" });
  try {
    const { success, stdout, stderr } = place.kind === "in an overlay"
      ? await unshare(["sh", "-c", overlay, "overlay", source, folder, trial])
      : await new Deno.Command("sh", {
        args: ["-c", trial, "trial", source],
        stdout: "piped",
        stderr: "piped",
      })
        .output();
    const decoder = new TextDecoder();
    const text = decoder.decode(stdout);
    if (!success) throw new Error(`the trial failed:\n${text}\n${decoder.decode(stderr)}`);
    return new Map(
      text.split(/^== /m).slice(1).map((part) => {
        const end = part.indexOf("\n");
        return [part.slice(0, end), part.slice(end + 1)];
      }),
    );
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}
