// How components find the notebook of the page.
import { inject, type InjectionKey } from "vue";
import type { Notebook } from "../../src/cells/notebook.ts";

export const notebookKey: InjectionKey<Notebook> = Symbol("notebook");

export const useNotebook = (): Notebook => inject(notebookKey)!;
