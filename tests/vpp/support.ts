/** Open descriptors of this process. */
export function countDescriptors(): number {
  return [...Deno.readDirSync("/proc/self/fd")].length;
}

/** Mappings of this process whose file has `name` in its path. */
export function countMappings(name: string): number {
  return Deno.readTextFileSync("/proc/self/maps").split("\n").filter((line) => line.includes(name)).length;
}
