// VitePress's theme in the fonts of the reader's system, with live cells.
import type { Theme } from "vitepress";
import { defineAsyncComponent } from "vue";
import DefaultTheme from "vitepress/theme-without-fonts";
import { Notebook } from "../../src/cells/notebook.ts";
import CellBar from "./CellBar.vue";
import LiveCell from "./LiveCell.vue";
import { notebookKey } from "./notebook-key.ts";
import "./style.css";

/** What single pages have, the others need not load. */
const ofSinglePages = {
  DropFiles: () => import("./DropFiles.vue"),
  MoreCells: () => import("./MoreCells.vue"),
  ResultsTable: () => import("./ResultsTable.vue"),
  SpeedTest: () => import("./SpeedTest.vue"),
};

const theme: Theme = {
  extends: DefaultTheme,
  enhanceApp({ app }) {
    app.provide(notebookKey, new Notebook());
    app.component("CellBar", CellBar);
    app.component("LiveCell", LiveCell);
    for (const [name, load] of Object.entries(ofSinglePages)) app.component(name, defineAsyncComponent(load));
  },
};
export default theme;
