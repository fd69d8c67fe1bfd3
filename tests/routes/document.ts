/** The OpenAPI document as the tests read it. */
import { Ajv2020 } from "ajv/2020";
import { makeWorld } from "./world.ts";

/** One answer of an operation. */
export interface DocumentedAnswer {
  readonly description: string;
  readonly content?: Readonly<Record<string, { readonly schema: unknown; readonly example?: unknown }>>;
}

/** One parameter of an operation. */
export interface DocumentedParameter {
  readonly name: string;
  readonly in: "path" | "query" | "header";
  readonly required?: boolean;
  readonly schema: { readonly type?: string; readonly enum?: readonly string[]; readonly example?: unknown };
}

/** One operation. */
export interface Operation {
  readonly method: string;
  readonly path: string;
  readonly operationId: string;
  readonly summary?: string;
  readonly security?: readonly Record<string, unknown>[];
  readonly parameters: readonly DocumentedParameter[];
  readonly requestBody?: {
    readonly required?: boolean;
    readonly content: Readonly<Record<string, { readonly schema: unknown; readonly example?: unknown }>>;
  };
  readonly responses: Readonly<Record<string, DocumentedAnswer>>;
}

/** The document. */
export interface OpenapiDocument {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Omit<Operation, "method" | "path">>>>>;
  readonly components: { readonly schemas: Readonly<Record<string, unknown>> };
}

/** The document as the application gives it. */
export async function loadDocument(): Promise<OpenapiDocument> {
  return await (await makeWorld().ask("/openapi.json")).json();
}

/** Every operation. */
export function operationsOf(document: OpenapiDocument): Operation[] {
  return Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({
      ...operation,
      method: method.toUpperCase(),
      path,
      parameters: operation.parameters ?? [],
    }))
  );
}

/** Says what is wrong with a value; null: nothing. */
export type Judge = (value: unknown) => string | null;

/** Makes judges of the schemas at JSON pointers into the document. */
export function judges(document: OpenapiDocument): (pointer: readonly string[]) => Judge {
  const ajv = new Ajv2020({ strict: false, allErrors: false });
  ajv.addFormat("date-time", /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
  ajv.addFormat("uri", /^[a-z]+:./);
  ajv.addFormat("uri-reference", /^/);
  ajv.addSchema({ ...document, $id: "http://document/openapi" });
  const made = new Map<string, Judge>();
  return (pointer) => {
    const path = pointer.map((part) => encodeURIComponent(part.replaceAll("~", "~0").replaceAll("/", "~1")));
    const reference = `http://document/openapi#/${path.join("/")}`;
    let judge = made.get(reference);
    if (judge === undefined) {
      const validate = ajv.compile({ $ref: reference });
      judge = (value) => validate(value) ? null : ajv.errorsText(validate.errors);
      made.set(reference, judge);
    }
    return judge;
  };
}
