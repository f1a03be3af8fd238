// What an edited cell sees of the cells above it, for the type checker: each of these is a module of its own, and what
// they declare is global, the last declaration of a name first.
import type TypeScript from "typescript";

/** Files for the type checker, by path. */
export type Files = Readonly<Record<string, string>>;

const globals = "/page/globals.d.ts";

/** The files that make the names of the cells above global. */
export function filesAbove(ts: typeof TypeScript, cells: readonly string[]): Files {
  const files: Record<string, string> = {};
  const lines = new Map<string, string>();
  cells.forEach((code, i) => {
    const path = `/page/above-${i}`;
    const names = topNames(ts, code);
    files[`${path}.ts`] = `${code}\nexport { ${names.map(({ name }) => name).join(", ")} };`;
    for (const { name, value, type } of names) {
      const field = `import("${path}").${name}`;
      const parameters = type === undefined ? "" : type.text;
      const given = type === undefined || type.names.length === 0 ? "" : `<${type.names.join(", ")}>`;
      const declared = [
        value ? `var ${name}: typeof ${field};` : "",
        type === undefined ? "" : `type ${name}${parameters} = ${field}${given};`,
      ];
      lines.set(name, declared.filter(Boolean).join(" "));
    }
  });
  files[globals] = `export {};\ndeclare global {\n${[...lines.values()].join("\n")}\n}`;
  return files;
}

interface TopName {
  readonly name: string;
  readonly value: boolean;
  /** Its type parameters, if it is a type, too. */
  readonly type?: { readonly text: string; readonly names: readonly string[] };
}

function topNames(ts: typeof TypeScript, code: string): TopName[] {
  const source = ts.createSourceFile("cell.ts", code, ts.ScriptTarget.ESNext, true);
  const parametersOf = (
    list: TypeScript.NodeArray<TypeScript.TypeParameterDeclaration> | undefined,
  ): TopName["type"] & {} =>
    list === undefined
      ? { text: "", names: [] }
      : { text: `<${list.map((one) => one.getText(source)).join(", ")}>`, names: list.map((one) => one.name.text) };
  const inPattern = (name: TypeScript.BindingName): TopName[] =>
    ts.isIdentifier(name)
      ? [{ name: name.text, value: true }]
      : name.elements.flatMap((element) => (ts.isOmittedExpression(element) ? [] : inPattern(element.name)));
  const found = source.statements.flatMap((statement): TopName[] => {
    if (ts.isVariableStatement(statement))
      return statement.declarationList.declarations.flatMap(({ name }) => inPattern(name));
    if (ts.isFunctionDeclaration(statement) && statement.name) return [{ name: statement.name.text, value: true }];
    if (ts.isClassDeclaration(statement) && statement.name)
      return [{ name: statement.name.text, value: true, type: parametersOf(statement.typeParameters) }];
    if (ts.isEnumDeclaration(statement))
      return [{ name: statement.name.text, value: true, type: parametersOf(undefined) }];
    if (ts.isInterfaceDeclaration(statement) || ts.isTypeAliasDeclaration(statement))
      return [{ name: statement.name.text, value: false, type: parametersOf(statement.typeParameters) }];
    if (!ts.isImportDeclaration(statement) || statement.importClause === undefined) return [];
    const { name, namedBindings, phaseModifier } = statement.importClause;
    const typeOnly = phaseModifier === ts.SyntaxKind.TypeKeyword;
    const imported = (text: string, isType: boolean): TopName =>
      isType ? { name: text, value: false, type: parametersOf(undefined) } : { name: text, value: true };
    const bindings =
      namedBindings === undefined
        ? []
        : ts.isNamespaceImport(namedBindings)
          ? [imported(namedBindings.name.text, typeOnly)]
          : namedBindings.elements.map((one) => imported(one.name.text, typeOnly || one.isTypeOnly));
    return [...(name === undefined ? [] : [imported(name.text, typeOnly)]), ...bindings];
  });
  return [...new Map(found.map((one) => [one.name, one])).values()];
}
