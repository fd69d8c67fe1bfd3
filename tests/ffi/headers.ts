/**
 * Numbers that C headers define, read without a compiler: `#define NAME expression` and members of enums whose
 * value is written. The first definition of a name counts, as `asm/fcntl.h` goes before `asm-generic/fcntl.h`.
 *
 * @module
 */

/** The headers of one architecture. */
export class Headers {
  readonly #definitions = new Map<string, string>();
  /** The texts of all headers, one after the other. */
  readonly text: string;

  /** Reads those of `names` that exist below one of `roots`; an earlier root goes first. */
  constructor(roots: readonly string[], names: readonly string[]) {
    const texts: string[] = [];
    for (const name of names) {
      for (const root of roots) {
        const text = readIfThere(`${root}/${name}`);
        if (text === null) continue;
        texts.push(text);
        this.#read(text);
      }
    }
    this.text = texts.join("\n");
  }

  /** The number of a name; null if no header defines it. Throws for an expression that it cannot read. */
  number(name: string): number | null {
    const expression = this.#definitions.get(name);
    return expression === undefined ? null : this.#evaluate(expression);
  }

  #read(source: string): void {
    const text = source.replaceAll(/\/\*[\s\S]*?\*\//g, " ").replaceAll(/\/\/.*/g, " ").replaceAll(
      "\\\n",
      " ",
    );
    for (const [, name = "", value = ""] of text.matchAll(/^[ \t]*#[ \t]*define[ \t]+(\w+)[ \t]+(.+)$/gm)) {
      // glibc says "#define SOCK_CLOEXEC SOCK_CLOEXEC" beside the enum that has the value.
      if (value.trim() !== name) this.#define(name, value);
    }
    for (const [, name = "", value = ""] of text.matchAll(/(?:^|[{,])\s*([A-Z]\w*)\s*=\s*([^,}\n]+)/gm)) {
      this.#define(name, value);
    }
  }

  #define(name: string, value: string): void {
    if (!this.#definitions.has(name)) this.#definitions.set(name, value.trim());
  }

  #evaluate(expression: string): number {
    const text = expression.replaceAll(/\((?:__force )?__\w+\)/g, "").replaceAll(/[()\s]/g, "");
    const shift = /^(\w+)<<(\w+)$/.exec(text);
    if (shift !== null) return this.#evaluate(shift[1] ?? "") << this.#evaluate(shift[2] ?? "");
    const number = /^(0[xX][0-9a-fA-F]+|[0-9]+)[uUlL]*$/.exec(text)?.[1];
    if (number !== undefined) return /^0[0-9]/.test(number) ? parseInt(number, 8) : Number(number);
    const other = this.number(text);
    if (other === null) throw new Error(`Cannot evaluate "${expression}"`);
    return other;
  }
}

function readIfThere(path: string): string | null {
  try {
    return Deno.readTextFileSync(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return null;
    throw error;
  }
}
