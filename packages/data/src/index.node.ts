// The entry for Node: progress is a bar on the terminal, data sets are kept in the user's cache folder.
import { format } from "node:util";
import { terminal } from "./bar.node.ts";
import { folders } from "./files/folder.node.ts";
import { progressWith, type Progress } from "./progress.ts";
import { cifar10From, type Cifar10 } from "./sets/cifar10.ts";
import { fashionMnistFrom, type FashionMnist } from "./sets/fashion-mnist.ts";
import { fraEngFrom, type FraEng } from "./sets/fra-eng.ts";
import { gutenbergFrom, type Gutenberg } from "./sets/gutenberg.ts";
import { housingFrom, type Housing } from "./sets/housing.ts";
import { imdbFrom, type Imdb } from "./sets/imdb.ts";
import { irisFrom, type Iris } from "./sets/iris.ts";
import { mnistFrom, type Mnist } from "./sets/mnist.ts";
import { multi30kFrom, type Multi30k } from "./sets/multi30k.ts";
import { ptbFrom, type Ptb } from "./sets/ptb.ts";
import { shakespeareFrom, type Shakespeare } from "./sets/shakespeare.ts";
import { sstFrom, type Sst } from "./sets/sst.ts";
import { wikinerFrom, type Wikiner } from "./sets/wikiner.ts";

export * from "./everywhere.ts";

// The documentation of progress and of data sets is that of their types: an editor shows it at a call.
export const progress: Progress = /* @__PURE__ */ progressWith(
  ({ stream, seconds }) => terminal(stream, seconds),
  format,
);

const source = /* @__PURE__ */ folders();
export const cifar10: Cifar10 = /* @__PURE__ */ cifar10From(source);
export const fashionMnist: FashionMnist = /* @__PURE__ */ fashionMnistFrom(source);
export const fraEng: FraEng = /* @__PURE__ */ fraEngFrom(source);
export const gutenberg: Gutenberg = /* @__PURE__ */ gutenbergFrom(source);
export const housing: Housing = /* @__PURE__ */ housingFrom(source);
export const imdb: Imdb = /* @__PURE__ */ imdbFrom(source);
export const iris: Iris = /* @__PURE__ */ irisFrom(source);
export const mnist: Mnist = /* @__PURE__ */ mnistFrom(source);
export const multi30k: Multi30k = /* @__PURE__ */ multi30kFrom(source);
export const ptb: Ptb = /* @__PURE__ */ ptbFrom(source);
export const shakespeare: Shakespeare = /* @__PURE__ */ shakespeareFrom(source);
export const sst: Sst = /* @__PURE__ */ sstFrom(source);
export const wikiner: Wikiner = /* @__PURE__ */ wikinerFrom(source);
