/** Where `ip netns` keeps its names. */
const FOLDER = "/var/run/netns";

/** The file of a network namespace: a name under /var/run/netns, or an absolute path. */
export function namespacePath(netns: string): string {
  return netns.startsWith("/") ? netns : `${FOLDER}/${netns}`;
}

/** Names the namespace that a file stands for at this moment; null for the daemon's own, or if there is none. */
export function namespaceId(netns: string): string | null {
  if (netns === "") return null;
  try {
    const { dev, ino } = Deno.statSync(namespacePath(netns));
    return `${dev}:${ino}`;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.PermissionDenied) return null;
    throw error;
  }
}
