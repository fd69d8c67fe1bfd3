import { Component, type ComponentChild, type ComponentClass } from "preact";

/**
 * A component that is drawn again only when one of its properties is another one; `draw` itself reads no signal.
 * That of `preact/compat` gives every element of the page more properties: half a megabyte with 300 backends.
 */
export function memo<P extends object>(draw: (props: P) => ComponentChild): ComponentClass<P> {
  return class extends Component<P> {
    override shouldComponentUpdate(next: Readonly<P>): boolean {
      const keys = new Set([...Object.keys(next), ...Object.keys(this.props)]);
      return [...keys].some((key) => Reflect.get(next, key) !== Reflect.get(this.props, key));
    }

    override render(props: P): ComponentChild {
      return draw(props);
    }
  };
}
