import { conv, matmul, maximum, add, slice, reshape, type Tensor } from "@weft/tensor";
import { open } from "../src/index.node.ts";
const t = await open({ profile: true });
const { randn } = t;
const act = (x: Tensor, b: Tensor): Tensor => maximum(add(x, b), 0);
const programs: Record<string, () => () => Tensor> = {};
const mm = (M: number, K: number, N: number) => () => {
  const [x, w, b] = [randn([M, K]), randn([K, N]), randn([N])];
  return () => act(matmul(x, w), b);
};
const plain = (M: number, K: number, N: number) => () => {
  const [x, w] = [randn([M, K]), randn([K, N])];
  return () => matmul(x, w);
};
const cv = (n: number, c: number, o: number, s: number, k: number, pad: number, bias: boolean) => () => {
  const [x, w, b] = [randn([n, c, s, s]), randn([o, c, k, k]), reshape(randn([o]), [o, 1, 1])];
  return () => { const y = conv(x, w, { padding: pad }); return bias ? act(y, b) : y; };
};
programs["charlm"] = mm(12800, 256, 1024);
programs["charlm plain"] = plain(12800, 256, 1024);
programs["fc"] = mm(100, 800, 500);
programs["fc plain"] = plain(100, 800, 500);
programs["lenet1"] = cv(100, 1, 20, 28, 5, 0, true);
programs["lenet1 plain"] = cv(100, 1, 20, 28, 5, 0, false);
programs["lenet2"] = cv(100, 20, 50, 12, 5, 0, true);
programs["lenet2 plain"] = cv(100, 20, 50, 12, 5, 0, false);
programs["vgg2"] = cv(64, 50, 50, 32, 3, 1, true);
programs["vgg2 plain"] = cv(64, 50, 50, 32, 3, 1, false);
const heavy = [randn([2048, 2048]), randn([2048, 2048])] as const;
for (const [name, make] of Object.entries(programs)) {
  const f = make();
  const round = async (): Promise<void> => {
    let z = heavy[0];
    for (let i = 0; i < 8; i++) z = matmul(z, heavy[1]);
    await slice(reshape(z, [2048 * 2048]), { starts: [0], ends: [1] }).data();
    const y = f();
    await slice(reshape(y, [y.size]), { starts: [0], ends: [1] }).data();
    y.release();
  };
  const begun = performance.now();
  for (let i = 0; i < 12; i++) await round();
  await t.profile();
  for (let i = 0; i < 8; i++) await round();
  const r = await t.profile();
  for (const d of r.dispatches) if (d.count !== 64) console.log(name, "|", d.count, "|", d.label.slice(0, 150), "|", (d.us / d.count).toFixed(2));
  console.log(name, "ms", Math.round(performance.now() - begun));
}
process.exit(0);
