// The pages that are written: all but those of the reference, which are made.
import { files, read } from "../../../test/source-graph.ts";

const folder = "packages/site/pages/";

/** Each page by its path in the folder of pages: "tutorials/tensors.md". */
export const written = files(`${folder}**/*.md`)
  .map((path) => ({ file: path.slice(folder.length), path }))
  .filter(({ file }) => !file.startsWith("reference/"))
  .map(({ file, path }) => ({ file, text: read(path) }));
