// Operations that work on whole matrices, one workgroup per matrix: their kernels are written once for all backends,
// and become text here.
import type { CallLaunch } from "@weft/kernel";
import type { MatrixKernel } from "@weft/tensor";
import { ownShape } from "@weft/tensor/internals";
import { prepared, type Call } from "./call.ts";
import { matrixText } from "../translate/matrices.ts";

/** The call of an operation with a kernel of matrices. */
export const matrixCall = <A>(kernel: MatrixKernel<A>): Call<A> => ({
  dtypes: ["f32", "i32"],
  prepare: (launch: CallLaunch<A>, machine) => {
    const kinds = [...kernel.operands, ...kernel.results];
    const own = [...launch.inputs, ...launch.outs].map(({ shape }, i) => ownShape(kinds[i]!, shape));
    const sizes = own.map((shape, i) => [
      [`rows${i}_`, shape.at(-2) ?? 1],
      [`columns${i}_`, shape.at(-1) ?? 1],
    ]);
    const statements = matrixText(kernel, launch.attrs, machine.threads);
    return prepared(launch, machine, {
      name: "matrices",
      // Kernels of two operations may have one name.
      code: statements({
        load: (k, place) => `at${k}[${place}]`,
        put: (k, place, value) => `at${k}[${place}] = ${value};`,
        scratch: (index) => `scratch[${index}]`,
      }),
      numbers: Object.fromEntries(sizes.flat()),
      groups: kernel.count(launch.outs[0].shape),
      scratch: machine.threads,
      text: (w) => statements({ load: w.load, put: w.put, scratch: w.at.scratch }),
    });
  },
});
