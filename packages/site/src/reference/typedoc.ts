// How TypeDoc reads the sources, and what its pages look like.
import { relative } from "node:path";
import { Application, Comment, Context, ReflectionKind, type TypeScript } from "typedoc";
import { MarkdownPageEvent, type MarkdownApplication, type PluginOptions } from "typedoc-plugin-markdown";
import { load as forVitePress } from "typedoc-vitepress-theme";
import { lineEach } from "./lines.ts";
import { packages } from "../manifests.ts";
import type { Entry } from "./entries.ts";

type MemberTitle = { readonly name: string; readonly kind: string };

const style: Partial<PluginOptions> = {
  classPropertiesFormat: "table",
  excludeScopesInPaths: true, // tensor/functions/add.md
  expandParameters: true, // types in the signature
  indexFormat: "table", // a module lists its names with one line each
  interfacePropertiesFormat: "table",
  membersWithOwnFile: ["Class", "Function"], // a page for each type would double the time of a build
  parametersFormat: "table",
  tableColumnSettings: { hideInherited: true, hideModifiers: true, hideOverrides: true },
  typeAliasPropertiesFormat: "table",
  sanitizeComments: true, // a comment may name an element: Vue would take it for one
  useCodeBlocks: true,
  pageTitleTemplates: {
    index: "Reference",
    module: ({ name }: { readonly name: string }) => name,
    member: ({ name, kind }: MemberTitle) => (kind === "Function" ? name : `${name} (${kind.toLowerCase()})`),
  },
};

/** A constant whose type can be called, as in `const add: Binary`, is a function to whoever calls it. */
function callConstantsFunctions(): void {
  const { getComment } = Context.prototype;
  Context.prototype.getComment = function (this: Context, symbol: TypeScript.Symbol, kind: ReflectionKind) {
    const found = getComment.call(this, symbol, kind);
    if (kind !== ReflectionKind.Variable || this.checker.getTypeOfSymbol(symbol).getCallSignatures().length === 0)
      return found;
    const comment = found ?? new Comment();
    comment.modifierTags.add("@function");
    return comment;
  };
}

/** Writes the pages of the entries into a folder: `tensor/functions/add.md`. */
export async function convert(entries: readonly Entry[], tsconfig: string, out: string): Promise<void> {
  callConstantsFunctions();
  const app = await Application.bootstrapWithPlugins({
    entryPoints: entries.map(({ file }) => file),
    tsconfig,
    out,
    plugin: ["typedoc-plugin-markdown", forVitePress],
    name: "Reference",
    groupOrder: ["Functions", "Classes", "Variables", "Interfaces", "Type Aliases"],
    readme: "none",
    disableSources: true,
    excludeInternal: true,
    excludePrivate: true,
    skipErrorChecking: true, // the compiler of the repository checks them
    validation: false,
    logLevel: "Warn",
    ...style,
    docsRoot: out,
    sidebar: { autoConfiguration: false },
  } as Parameters<typeof Application.bootstrapWithPlugins>[0]);
  const { renderer } = app as MarkdownApplication; // the plugin made it one
  renderer.on(MarkdownPageEvent.END, (page) => {
    if (page.contents !== undefined) page.contents = lineEach(page.contents);
  });
  const project = await app.convert();
  if (project === undefined) throw new Error("the reference: TypeDoc found nothing in the sources");
  for (const { file, name } of entries) {
    const called = relative(packages, file)
      .replaceAll("\\", "/")
      .replace(/(?:\/index)?\.ts$/, ""); // Windows has backslashes
    const module = project.children?.find((child) => child.name === called);
    if (module === undefined) throw new Error(`the reference: TypeDoc has no module ${called} for ${name}`);
    module.name = name;
  }
  await app.generateOutputs(project);
}
