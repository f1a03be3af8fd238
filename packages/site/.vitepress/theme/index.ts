// VitePress's theme in the fonts of the reader's system, with live cells.
import type { Theme } from "vitepress";
import { defineAsyncComponent } from "vue";
import DefaultTheme from "vitepress/theme-without-fonts";
import { Notebook } from "../../src/cells/notebook.ts";
import CellBar from "./CellBar.vue";
import LiveCell from "./LiveCell.vue";
import { notebookKey } from "./notebook-key.ts";
import "./style.css";

const theme: Theme = {
  extends: DefaultTheme,
  enhanceApp({ app }) {
    app.provide(notebookKey, new Notebook());
    app.component("CellBar", CellBar);
    app.component("LiveCell", LiveCell);
    // What single pages have, the others need not load.
    app.component(
      "DropFiles",
      defineAsyncComponent(() => import("./DropFiles.vue")),
    );
    app.component(
      "MoreCells",
      defineAsyncComponent(() => import("./MoreCells.vue")),
    );
    app.component(
      "ResultsTable",
      defineAsyncComponent(() => import("./ResultsTable.vue")),
    );
    app.component(
      "SpeedTest",
      defineAsyncComponent(() => import("./SpeedTest.vue")),
    );
  },
};
export default theme;
