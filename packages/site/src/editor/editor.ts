// The editor of a cell, loaded when a reader first edits one. It edits at once; types arrive when their worker is ready.
import { javascript } from "@codemirror/lang-javascript";
import { syntaxHighlighting } from "@codemirror/language";
import { Compartment, Prec } from "@codemirror/state";
import { EditorView, keymap } from "@codemirror/view";
import { classHighlighter } from "@lezer/highlight";
import { basicSetup } from "codemirror";

export interface EditorOptions {
  readonly code: string;
  /** The code of the cells above. */
  readonly above: () => readonly string[];
  readonly changed: (code: string) => void;
  /** Called by Ctrl+Enter, or Cmd+Enter. */
  readonly run: () => void;
}

export interface Editor {
  /** Shows other code, unless it is this. */
  replace(code: string): void;
  focus(): void;
  end(): void;
}

export function editorOf(parent: HTMLElement, { code, above, changed, run }: EditorOptions): Editor {
  const types = new Compartment();
  const runKey = {
    key: "Mod-Enter",
    run: () => {
      run();
      return true;
    },
  };
  const view = new EditorView({
    parent,
    doc: code,
    extensions: [
      Prec.highest(keymap.of([runKey, { ...runKey, key: "Ctrl-Enter" }])),
      basicSetup,
      javascript({ typescript: true }),
      Prec.highest(syntaxHighlighting(classHighlighter)),
      EditorView.contentAttributes.of({ "aria-label": "Code of the cell" }),
      EditorView.updateListener.of(({ docChanged, state }) => {
        if (docChanged) changed(state.doc.toString());
      }),
      types.of([]),
    ],
  });
  let ended = false;
  void import("./checker.ts").then(async ({ checking }) => {
    const extension = await checking(view.state.doc.toString(), above);
    if (!ended) view.dispatch({ effects: types.reconfigure(extension) });
  });
  return {
    replace(code) {
      const { doc } = view.state;
      if (doc.toString() !== code) view.dispatch({ changes: { from: 0, to: doc.length, insert: code } });
    },
    focus: () => view.focus(),
    end() {
      ended = true;
      view.destroy();
    },
  };
}
