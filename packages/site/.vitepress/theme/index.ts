// VitePress's theme in the fonts of the reader's system, with live cells.
import type { Theme } from "vitepress";
import DefaultTheme from "vitepress/theme-without-fonts";
import { Notebook } from "../../src/cells/notebook.ts";
import CellBar from "./CellBar.vue";
import DropFiles from "./DropFiles.vue";
import LiveCell from "./LiveCell.vue";
import MoreCells from "./MoreCells.vue";
import ResultsTable from "./ResultsTable.vue";
import SpeedTest from "./SpeedTest.vue";
import { notebookKey } from "./notebook-key.ts";
import "./style.css";

const theme: Theme = {
  extends: DefaultTheme,
  enhanceApp({ app }) {
    app.provide(notebookKey, new Notebook());
    app.component("CellBar", CellBar);
    app.component("DropFiles", DropFiles);
    app.component("LiveCell", LiveCell);
    app.component("MoreCells", MoreCells);
    app.component("ResultsTable", ResultsTable);
    app.component("SpeedTest", SpeedTest);
  },
};
export default theme;
