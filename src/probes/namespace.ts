/** Where `ip netns` keeps its names. */
const FOLDER = "/var/run/netns";

/** The file of a network namespace: a name under /var/run/netns, or an absolute path. */
export function namespacePath(netns: string): string {
  return netns.startsWith("/") ? netns : `${FOLDER}/${netns}`;
}
