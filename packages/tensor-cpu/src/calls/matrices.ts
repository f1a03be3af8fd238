// Operations that work on whole matrices: each brings a kernel that runs with numbers.
import type { MatrixKernel } from "@weft/tensor";
import { dense, type Call } from "./call.ts";

/** The call of an operation with a kernel of matrices. */
export const matrixCall = <A>({ count, run }: MatrixKernel<A>): Call<A> =>
  dense(
    (m, attrs, outs, inputs) => ({
      units: count(outs[0].shape),
      scratch: 0,
      run: (to, from, _, begin, end) => run(attrs, m, [...inputs, ...outs], [...from, ...to], begin, end),
    }),
    { dtypes: ["f32", "f64", "i32"] },
  );
