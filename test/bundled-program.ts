// An index that is out of range, and the error for it.
import { take } from "@weft/tensor";
import { open } from "@weft/tensor-cpu";

const { tensor } = await open({ threads: 1 });
const mine = () => take(tensor([1, 2]), tensor([5], { dtype: "i32" }));
try {
  await mine().data();
} catch (error) {
  console.log(String(error));
}
