// What cells can import. Each is loaded when a cell first names it.

const libraries: Readonly<Record<string, () => Promise<object>>> = {
  "@weft/autograd": () => import("@weft/autograd"),
  "@weft/data": () => import("@weft/data"),
  "@weft/formats": () => import("@weft/formats"),
  "@weft/nn": () => import("@weft/nn"),
  "@weft/optim": () => import("@weft/optim"),
  "@weft/site/data": () => import("../data/data.ts"),
  "@weft/site/page": () => import("./page.ts"),
  "@weft/tensor": () => import("@weft/tensor"),
  "@weft/tensor-cpu": () => import("@weft/tensor-cpu"),
  "@weft/tensor-webgpu": () => import("@weft/tensor-webgpu"),
  "@weft/train": () => import("@weft/train"),
};

/** The module of that name, which has all the names that are wanted. */
export async function load(module: string, wanted: unknown = []): Promise<object> {
  const library = Object.hasOwn(libraries, module) ? libraries[module] : undefined;
  if (library === undefined)
    throw new TypeError(`a cell cannot import ${module}: there is ${Object.keys(libraries).join(", ")}`);
  const exports = await library();
  // `import(…)` of a cell may give options instead.
  const names: readonly unknown[] = Array.isArray(wanted) ? wanted : [];
  const missing = names.map(String).find((name) => !(name in exports));
  if (missing !== undefined)
    throw new TypeError(`${module} exports no ${missing} (a type is imported with \`type ${missing}\`)`);
  return exports;
}
