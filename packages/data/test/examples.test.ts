// The examples of the sources are true. What would be downloaded is made here.
import * as data from "@weft/data";
import { adam, minimize } from "@weft/optim";
import { Linear, mse } from "@weft/nn";
import { characterText } from "../src/sets/characters.ts";
import { testExamples } from "../../../test/examples.ts";
import { bytePairs } from "./byte-pairs.ts";

testExamples({
  name: "data",
  atLeast: 43,
  around: ({ randn }) => {
    const small = data.digits({ train: 200, test: 100 });
    const model = Linear(3, 1);
    const batches = [[randn([4, 3]), randn([4, 1])] as const];
    const pair = ["Go.", "Geh."];
    const text = characterText("First Citizen:\nBefore we proceed any further, hear me speak.\n");
    const tree = data.parseTree("(3 (2 It) (4 works))", { label: Number });
    return {
      ...data,
      adam,
      batches,
      cifar10: async () => ({ ...small, classes: [] }),
      digits: () => small,
      f: (x: Parameters<typeof mse>[0], y: Parameters<typeof mse>[1]) => mse(model(x), y),
      fashionMnist: async () => ({
        train: { labels: { data: [9] } },
        classes: Array.from({ length: 10 }, (_, k) => (k === 9 ? "Ankle boot" : "")),
      }),
      fraEng: async () => [pair],
      gutenberg: async () => text,
      housing: async () => ({ inputs: randn([4, 13]), targets: randn([4]) }),
      imdb: async () => ({ train: { inputs: randn([100, 4]), labels: randn([100]) }, test: {}, vocabulary: [] }),
      iris: async () => ({
        inputs: { data: new Float32Array(600), shape: [150, 4], dtype: "f32" },
        labels: { data: new Int32Array(150).fill(2), shape: [150], dtype: "i32" },
        classes: ["Iris-setosa", "Iris-versicolor", "Iris-virginica"],
      }),
      images: small.train.images,
      labels: small.train.labels,
      minimize,
      mnist: async () => small,
      multi30k: async () => ({ train: [pair], validation: [pair], test: [pair] }),
      ptb: async () => ({ train: { sentences: [[0], [1, 0]] }, validation: {}, vocabulary: ["<eos>", "the"] }),
      run: minimize((x, y) => mse(model(x), y), batches, adam()),
      shakespeare: async () => text,
      sst: async () => ({ train: [tree], classes: ["", "", "", "positive", ""] }),
      step: () => {},
      tired: () => false,
      tokenizerJson: bytePairs(),
      wikiner: async () => ({ train: [{ words: ["Rome"], tags: ["I-LOC"], labels: [0] }], classes: ["I-LOC"] }),
    };
  },
});
