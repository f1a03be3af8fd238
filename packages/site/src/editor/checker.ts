// The editor's side of the type checker, which starts with the first editor of a page.
import { autocompletion } from "@codemirror/autocomplete";
import { EditorView } from "@codemirror/view";
import type { Extension } from "@codemirror/state";
import {
  tsAutocompleteWorker,
  tsFacetWorker,
  tsHoverWorker,
  tsLinterWorker,
  tsSyncWorker,
} from "@valtown/codemirror-ts";
import { wrap, type Remote } from "comlink";
import declarations from "virtual:weft-declarations";
import type { Checker } from "./checker-worker.ts";

let starting: Promise<Remote<Checker>> | undefined;

async function start(): Promise<Remote<Checker>> {
  const inner = new Worker(new URL("./checker-worker.ts", import.meta.url), { type: "module", name: "checker" });
  const checker = wrap<Checker>(inner);
  await checker.open(declarations);
  return checker;
}

let paths = 0;

/** Completion, hover and errors for an editor; `above` are the cells that it sees. */
export async function checking(code: string, above: () => readonly string[]): Promise<Extension> {
  const worker = await (starting ??= start());
  const path = `/page/cell-${++paths}.ts`;
  await worker.declareAbove(above());
  await worker.updateFile({ path, code });
  return [
    tsFacetWorker.of({ worker, path }),
    tsSyncWorker(),
    tsLinterWorker(),
    autocompletion({ override: [tsAutocompleteWorker()] }),
    tsHoverWorker(),
    EditorView.domEventHandlers({ focus: () => void worker.declareAbove(above()) }),
  ];
}
