// What was published: the tables of Knet's README, with where Weft's figures go in them, and results of programs.

/** What was published of programs; docs/results.md says where. */
export const publishedResults: Readonly<Record<string, string>> = {
  linreg: "a mean squared error of 21.8948 (Knet)",
  softmax: "a test accuracy of 91.58% on MNIST (Knet)",
  mlp: "a test accuracy of about 97% on MNIST (Knet)",
  lenet: "a test accuracy of 99.0% on MNIST, with Adam (Knet)",
  charlm: "a loss of about 3 nats a character (Knet)",
  vgg: "a test accuracy of 77 to 79%; 77.54% (Knet)",
  gru: "a test accuracy of 84.5 to 86% (Knet: 84.45 to 85.4%)",
  gpt: "a validation loss of 1.47 nats a character (nanoGPT)",
  shakespeare: "a perplexity of 3.30, on another edition (Knet)",
};

/** Where Weft's own figure goes. */
export const here = Symbol("Weft's figure");

export interface Line {
  /** What is measured for it (a name of `measurements`); nothing, if the line is one of another library. */
  readonly row?: string;
  /** The part of it that is meant, if it measures several. */
  readonly part?: string;
  /** Only measured on this backend: its place is a column of its own. */
  readonly backend?: "cpu" | "webgpu";
  readonly cells: readonly (string | number | typeof here)[];
}

export interface Table {
  readonly name: string;
  readonly title: string;
  readonly columns: readonly string[];
  readonly lines: readonly Line[];
}

const line = (row: string, ...cells: readonly (string | number)[]): Line => ({ row, cells: [...cells, here] });

const libraries = (...lines: readonly (readonly (string | number)[])[]): Line[] => lines.map((cells) => ({ cells }));

/** Seconds for 6,000 calls of a perceptron's parts: on a GRID K520, and on its machine's CPU (AutoGrad's profile.jl). */
export const operationCosts = [
  ["x · w1", 0.67, 0.95],
  ["+ b1", 0.71, 1.05],
  ["max(0, ·)", 0.75, 1.34],
  ["· w2", 0.81, 1.43],
  ["+ b2", 0.85, 1.48],
  ["− y", 0.89, 1.49],
  ["Σ(·)²", 1.18, 1.63],
  ["+ recording", 1.33, 1.96],
  ["+ gradients", 2.79, 4.4],
] as const;

export const tables: readonly Table[] = [
  {
    name: "knet",
    title: "Knet's benchmarks, September 2016: seconds of training (GRID K520)",
    columns: ["model", "data", "epochs", "batch", "Knet", "Theano", "Torch", "Caffe", "TensorFlow", "Weft, here"],
    lines: [
      line("linreg", "LinReg", "Housing", "10K", 506, 2.84, 1.88, 2.66, 2.35, 5.92),
      line("softmax", "Softmax", "MNIST", 10, 100, 2.35, 1.4, 2.88, 2.45, 5.57),
      line("mlp", "MLP", "MNIST", 10, 100, 3.68, 2.31, 4.03, 3.69, 6.94),
      line("lenet", "LeNet", "MNIST", 1, 100, 3.59, 3.03, 1.69, 3.54, 8.77),
      line("charlm", "CharLM", "Hiawatha", 1, 128, 2.25, 2.42, 2.23, 1.43, 2.86),
    ],
  },
  {
    name: "dynet",
    title: "DyNet's benchmarks, December 2017 (Tesla K80, Xeon E5-2695 v4)",
    columns: ["model", "metric", "Knet", "DyNet", "Chainer", "Weft, here"],
    lines: [
      line("rnnlm", "rnnlm-batch", "words/s", 28_500, 18_700, 16_000),
      line("tagger", "bilstm-tagger", "words/s", 6800, 1200, 157),
      line("tagger-chars", "bilstm-tagger-withchar", "words/s", 1300, 900, 128),
      line("treenn", "treenn", "trees/s", 43, 68, 10),
    ],
  },
  {
    name: "vgg",
    title: "DeepLearningFrameworks, November 2017: VGG on CIFAR-10, 10 epochs (Tesla K80)",
    columns: ["library", "test accuracy, %", "seconds"],
    lines: [
      ...libraries(
        ["MXNet", 77, 145],
        ["Caffe2", 79, 148],
        ["Gluon", 76, 152],
        ["Knet", 78, 159],
        ["Chainer", 79, 162],
        ["CNTK", 78, 163],
        ["PyTorch", 78, 169],
        ["TensorFlow", 78, 173],
        ["Keras (CNTK)", 77, 194],
        ["Keras (TensorFlow)", 77, 241],
        ["Lasagne (Theano)", 77, 253],
        ["Keras (Theano)", 78, 269],
      ),
      line("vgg", "Weft, here", ""),
    ],
  },
  {
    name: "gru",
    title: "DeepLearningFrameworks, November 2017: GRU on IMDB, 3 epochs (Tesla K80)",
    columns: ["library", "test accuracy, %", "seconds"],
    lines: [
      ...libraries(
        ["MXNet", 86, 29],
        ["Knet", 85, 29],
        ["TensorFlow", 86, 30],
        ["PyTorch", 86, 31],
        ["CNTK", 85, 32],
        ["Keras (TensorFlow)", 86, 35],
        ["Keras (CNTK)", 86, 86],
      ),
      line("gru", "Weft, here", ""),
    ],
  },
  {
    name: "resnet50",
    title: "DeepLearningFrameworks, November 2017: ResNet-50, features of pictures (Tesla K80)",
    columns: ["library", "pictures/s, GPU", "pictures/s, CPU"],
    lines: [
      ...libraries(
        ["Knet", 160, 2],
        ["TensorFlow", 155, 11],
        ["PyTorch", 130, 6],
        ["MXNet", 130, 8],
        ["MXNet (MKL)", 129, 25],
        ["CNTK", 117, 8],
        ["Chainer", 107, 3],
        ["Keras (TensorFlow)", 98, 5],
        ["Caffe2", 71, 6],
        ["Keras (CNTK)", 46, 4],
      ),
      { row: "resnet50", backend: "webgpu", cells: ["Weft, here", here, ""] },
      { row: "resnet50", backend: "cpu", cells: ["Weft, here", "", here] },
    ],
  },
  {
    name: "operations",
    title: "The cost of recording: seconds for 6,000 calls (GRID K520)",
    columns: ["operation", "Knet, GPU", "Knet, CPU", "Weft, here"],
    lines: operationCosts.map(([part, ...cells]) => ({ row: "opcost", part, cells: [part, ...cells, here] })),
  },
];
