// The examples of the sources are true.
import * as formats from "@weft/formats";
import { Linear, toBytes } from "@weft/nn";
import { testExamples } from "../../../test/examples.ts";

testExamples({ name: "formats", atLeast: 9, around: () => ({ ...formats, Linear, toBytes }) });
