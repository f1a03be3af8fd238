// A cell as a function: types are stripped, imports become calls, and what the cell declares at its top becomes a field
// of the page's state, so that later cells, and the same cell run again, see it and may declare it anew. Lines stay
// where they are, so that an error names the reader's line.
import { parse } from "acorn";
import type {
  Declaration,
  Expression,
  Identifier,
  ImportDeclaration,
  ModuleDeclaration,
  Node,
  Pattern,
  Program,
  Statement,
} from "estree";
import { walk } from "estree-walker";
import isReference from "is-reference";
import { MagicString } from "magic-string";
import { analyze, extract_names as namesIn, type Scope } from "periscopic";
import { transform } from "sucrase";

/** Code that is no TypeScript, with the line of the cell that is wrong (from 1). */
export class CellSyntaxError extends SyntaxError {
  override readonly name = "SyntaxError";
  readonly line: number | undefined;
  constructor(message: string, line: number | undefined) {
    super(message);
    this.line = line;
  }
}

export interface Compiled {
  /** The body of an asynchronous function of these two. */
  readonly body: string;
  /** What the body calls the state, and the function that loads a module: names that the cell does not have. */
  readonly parameters: readonly [state: string, load: string];
  /** What the cell declares at its top, imports among it. */
  readonly declares: readonly string[];
}

type Top = Statement | ModuleDeclaration | Declaration;
/** Acorn gives every node its place. */
type At<T> = T & { readonly start: number; readonly end: number };
const at = <T extends Node>(node: T): At<T> => node as At<T>;

/** What the state is called, unless the cell has that name. */
const STATE = "weft$";

/** The names of the state in a message of the engine, which quotes the compiled code. */
export const stateInMessage = /\bweft\$_*\.(?=[\w$])/g;

/** Compiles a cell; `known` are the names that cells before it declared. */
export function compile(source: string, known: Iterable<string> = []): Compiled {
  const code = stripTypes(source);
  const program = parsed(code);
  const text = new MagicString(code);
  let state = STATE;
  while (code.includes(state)) state += "_";
  const names: Names = { state, load: `${state}import` };
  const declared = new Set(program.body.flatMap(declarations));
  const { map, scope: top } = analyze(program);
  const before = new Set(known);
  const isShared = (name: string, scope: Scope): boolean => {
    const owner = scope.find_owner(name);
    if (owner !== null) return owner === top && declared.has(name);
    return before.has(name) || !(name in globalThis);
  };
  shareNames(program, text, names, map, top, isShared);
  const hoisted: string[] = [];
  program.body.forEach((statement, i) => {
    shareDeclaration(at(statement), text, names, hoisted);
    if (i === program.body.length - 1) returnValue(at(statement), text, code);
  });
  return {
    body: `${hoisted.join("")}${text.toString()}`,
    parameters: [names.state, names.load],
    declares: [...declared],
  };
}

function stripTypes(source: string): string {
  try {
    const transforms = ["typescript" as const];
    return transform(source, { transforms, disableESTransforms: true, keepUnusedImports: true }).code;
  } catch (error) {
    throw located(error, /^Error transforming [^:]*: |^undefined: /);
  }
}

function parsed(code: string): Program {
  try {
    return parse(code, { ecmaVersion: "latest", sourceType: "module", locations: true }) as unknown as Program;
  } catch (error) {
    throw located(error);
  }
}

/** An error of a parser, which says its place in a field and at the end of its message. */
function located(error: unknown, prefix = /^/): CellSyntaxError {
  const { message, loc } = error as Error & { readonly loc?: { readonly line: number } };
  return new CellSyntaxError(message.replace(prefix, "").replace(/ ?\(\d+:\d+\)$/, ""), loc?.line);
}

/** The names that a statement at the top declares. */
function declarations(statement: Top): string[] {
  if (statement.type === "ImportDeclaration") return statement.specifiers.map(({ local }) => local.name);
  if (statement.type === "FunctionDeclaration" || statement.type === "ClassDeclaration") return [statement.id.name];
  if (statement.type !== "VariableDeclaration" || !isPlain(statement.kind)) return [];
  return statement.declarations.flatMap(({ id }) => namesIn(id));
}

/** `using` ends with its cell, so nobody shares it. */
const isPlain = (kind: string): boolean => ["const", "let", "var"].includes(kind);

/** What the compiled code calls the state, and what loads a module. */
interface Names {
  readonly state: string;
  readonly load: string;
}

/** Turns what refers to a shared name into a field of the state, and `import(…)` into a call. */
function shareNames(
  program: Program,
  text: MagicString,
  { state, load }: Names,
  map: WeakMap<Node, Scope>,
  top: Scope,
  isShared: (name: string, scope: Scope) => boolean,
): void {
  const scopes = [top];
  /** In `{ x }` and `{ x = 1 }`, where a field must get its name back. */
  const shorthand = new Set<Node>();
  const constants = constantsOf(program);
  walk(program, {
    enter(node, parent) {
      const inner = map.get(node);
      if (inner !== undefined) scopes.push(inner);
      const scope = scopes.at(-1)!;
      if (node.type === "ImportDeclaration") this.skip();
      if (node.type === "ImportExpression") text.update(at(node).start, at(node).start + "import".length, load);
      if (node.type === "Property" && node.shorthand)
        shorthand.add(node.value.type === "AssignmentPattern" ? node.value.left : node.value);
      if (node.type === "AssignmentExpression" || node.type === "UpdateExpression") {
        const fixed = assigned(node.type === "AssignmentExpression" ? node.left : node.argument).find(
          (name) => constants.has(name) && scope.find_owner(name) === top,
        );
        if (fixed !== undefined)
          throw new CellSyntaxError(`${fixed} is a const, so it cannot be assigned to`, node.loc?.start.line);
      }
      if (node.type !== "Identifier" || !refers(node, parent) || !isShared(node.name, scope)) return;
      const field = `${state}.${node.name}`;
      const read =
        parent?.type === "UnaryExpression" && parent.operator === "typeof"
          ? `(${JSON.stringify(node.name)} in ${state} ? ${field} : globalThis.${node.name})` // of what is nowhere, too
          : field;
      text.update(at(node).start, at(node).end, `${shorthand.has(node) ? `${node.name}: ` : ""}${read}`);
    },
    leave(node) {
      if (map.has(node)) scopes.pop();
    },
  });
}

/** The names that an assignment to a target changes; a field of something is no name. */
function assigned(target: Node | null): string[] {
  switch (target?.type) {
    case "Identifier":
      return [target.name];
    case "ArrayPattern":
      return target.elements.flatMap(assigned);
    case "ObjectPattern":
      return target.properties.flatMap((one) => assigned(one.type === "Property" ? one.value : one.argument));
    case "AssignmentPattern":
      return assigned(target.left);
    case "RestElement":
      return assigned(target.argument);
    default:
      return [];
  }
}

const constantsOf = (program: Program): Set<string> =>
  new Set(
    program.body.flatMap((node) =>
      node.type === "VariableDeclaration" && node.kind === "const" ? declarations(node) : [],
    ),
  );

function refers(node: Identifier, parent: Node | null): boolean {
  if (parent === null || !isReference(node, parent)) return false;
  const named = parent.type === "FunctionDeclaration" || parent.type.startsWith("Class");
  return !(named && "id" in parent && parent.id === node);
}

/** Makes a declaration at the top an assignment. */
function shareDeclaration(statement: At<Top>, text: MagicString, names: Names, hoisted: string[]): void {
  const { start, end } = statement;
  const { state } = names;
  switch (statement.type) {
    case "ImportDeclaration": {
      const lines = "\n".repeat(text.original.slice(start, end).split("\n").length - 1);
      text.update(start, end, `${imported(statement, names)}${lines}`);
      return;
    }
    case "FunctionDeclaration":
      hoisted.push(`${state}.${statement.id.name} = ${statement.id.name}; `);
      return;
    case "ClassDeclaration":
      text.prependLeft(start, `;${state}.${statement.id.name} = `).appendRight(end, ";");
      return;
    case "VariableDeclaration":
      if (!isPlain(statement.kind)) return;
      text.remove(start, at(statement.declarations[0]!).start).prependLeft(start, ";");
      for (const declarator of statement.declarations.map(at)) {
        if (declarator.init == null) text.appendLeft(declarator.end, " = undefined");
        else nameValue(declarator.id, at(declarator.init), text);
        if (declarator.id.type !== "ObjectPattern") continue;
        text.prependRight(declarator.start, "(").appendLeft(declarator.end, ")");
      }
      return;
    case "ExportAllDeclaration":
    case "ExportDefaultDeclaration":
    case "ExportNamedDeclaration":
      throw new CellSyntaxError(
        "a cell exports nothing: the cells below see what it declares",
        statement.loc?.start.line,
      );
    default:
  }
}

/** A function or class without a name gets that of its constant, as in a program: a field would give it none. */
function nameValue(id: Pattern, init: At<Expression>, text: MagicString): void {
  if (id.type !== "Identifier" || !isNameless(init)) return;
  text.appendRight(init.start, `({ ${id.name}: `).prependLeft(init.end, ` }).${id.name}`);
}

const isNameless = (init: Expression): boolean =>
  init.type === "ArrowFunctionExpression" ||
  ((init.type === "FunctionExpression" || init.type === "ClassExpression") && init.id == null);

function imported({ specifiers, source }: ImportDeclaration, { state, load }: Names): string {
  const module = `await ${load}(${JSON.stringify(source.value)}`;
  const whole = specifiers.find(({ type }) => type === "ImportNamespaceSpecifier");
  if (whole !== undefined) return `;${state}.${whole.local.name} = ${module});`;
  const pairs = specifiers.map((specifier): [string, string] => {
    if (specifier.type !== "ImportSpecifier") return ["default", specifier.local.name];
    const { imported: name, local } = specifier;
    return [name.type === "Identifier" ? name.name : String(name.value), local.name];
  });
  const wanted = JSON.stringify(pairs.map(([name]) => name));
  return `;({ ${pairs.map(([name, local]) => `${JSON.stringify(name)}: ${state}.${local}`).join(", ")} } = ${module}, ${wanted}));`;
}

/** The value of a last expression is the cell's; that of an assignment is not worth showing. */
function returnValue(statement: At<Top>, text: MagicString, code: string): void {
  if (statement.type !== "ExpressionStatement") return;
  if (["AssignmentExpression", "UpdateExpression"].includes(statement.expression.type)) return;
  const end = code[statement.end - 1] === ";" ? statement.end - 1 : statement.end;
  text.prependLeft(statement.start, "return (").appendRight(end, ")");
}
