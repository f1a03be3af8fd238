// Folders on Node's disk.
import * as disk from "node:fs/promises";
import * as paths from "node:path";
import { makeFolder as makeOn } from "@weft/tensor/internals";

/** Makes a folder and those that it is in, if they are missing. */
export const makeFolder = (path: string): Promise<void> => makeOn({ disk, paths }, path);
