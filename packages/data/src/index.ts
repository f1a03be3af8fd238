// The entry for pages: progress goes to the console, data sets into the page's own cache.
import { lines } from "./display.ts";
import { pageCache } from "./files/page-cache.ts";
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
export const progress: Progress = /* @__PURE__ */ progressWith(({ stream, seconds = 5 }) =>
  lines((line) => (stream === undefined ? console.log(line) : stream.write(`${line}\n`)), seconds),
);

export const cifar10: Cifar10 = /* @__PURE__ */ cifar10From(pageCache);
export const fashionMnist: FashionMnist = /* @__PURE__ */ fashionMnistFrom(pageCache);
export const fraEng: FraEng = /* @__PURE__ */ fraEngFrom(pageCache);
export const gutenberg: Gutenberg = /* @__PURE__ */ gutenbergFrom(pageCache);
export const housing: Housing = /* @__PURE__ */ housingFrom(pageCache);
export const imdb: Imdb = /* @__PURE__ */ imdbFrom(pageCache);
export const iris: Iris = /* @__PURE__ */ irisFrom(pageCache);
export const mnist: Mnist = /* @__PURE__ */ mnistFrom(pageCache);
export const multi30k: Multi30k = /* @__PURE__ */ multi30kFrom(pageCache);
export const ptb: Ptb = /* @__PURE__ */ ptbFrom(pageCache);
export const shakespeare: Shakespeare = /* @__PURE__ */ shakespeareFrom(pageCache);
export const sst: Sst = /* @__PURE__ */ sstFrom(pageCache);
export const wikiner: Wikiner = /* @__PURE__ */ wikinerFrom(pageCache);
