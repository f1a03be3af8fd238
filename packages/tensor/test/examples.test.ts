// The examples of the sources are true.
import { testExamples } from "../../../test/examples.ts";
import * as internals from "../src/internals.ts";

testExamples({
  name: "tensor",
  atLeast: 133,
  around: ({ tensor }) => ({ ...internals, x: tensor([1, 2]), w: tensor([1, 2]) }),
});
