// Folders on Node's disk.
import * as disk from "node:fs/promises";
import * as paths from "node:path";
import { makeFolder as makeOn } from "@weft/tensor/internals";

/**
 * Makes a folder for the files of a training, and those that it is in, if they are missing. The recursive `mkdir` of
 * Node never returns where nothing can be made, such as in `/proc`: this throws. In Node only.
 *
 * @example
 * await makeFolder("runs/1");
 */
export const makeFolder = (path: string): Promise<void> => makeOn({ disk, paths }, path);
