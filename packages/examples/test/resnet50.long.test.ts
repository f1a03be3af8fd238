// ResNet-50 as torchvision has it, on small pictures, and the pictures in a folder.
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { encodePng } from "@weft/data";
import { save, seed, training, readSafetensors } from "@weft/nn";
import { resnet50 } from "@weft/nn/models";
import { scope, type Tensor } from "@weft/tensor";
import { open } from "@weft/tensor-cpu";
import { expect, test } from "vitest";
import { extractor } from "../src/programs/resnet50.ts";
import { hasModule, pytorch } from "./pytorch.ts";
import golden from "./resnet50.json" with { type: "json" };
import { temporaryFolder, weft } from "./session.ts";

const backend = await open();
const shape = [2, 3, 48, 40];
const pixels = Float32Array.from({ length: 2 * 3 * 48 * 40 }, (_, i) => ((i * 37) % 101) / 101);
const x = backend.tensor(pixels, { shape });

async function featuresOf(network: (x: Tensor) => Tensor): Promise<number[]> {
  const features = await scope(() => scope(() => network(x)).data());
  return Array.from(features, Number);
}

/** The largest difference, as a part of the largest feature. */
const difference = (found: readonly number[], wanted: readonly number[]): number => {
  const largest = wanted.reduce((most, y) => Math.max(most, Math.abs(y)), 0);
  return found.reduce((most, y, i) => Math.max(most, Math.abs(y - wanted[i]!)), 0) / largest;
};

test("has PyTorch's features, with random weights of a seed", async () => {
  seed(1);
  const features = await featuresOf(await extractor());
  expect(features).toHaveLength(2 * 2048);
  // Every 64th, which PyTorch computed with these weights.
  expect(
    difference(
      features.filter((_, i) => i % 64 === 0),
      golden.features,
    ),
  ).toBeLessThan(1e-5);
});

const slow = { timeout: 240_000 };
test.skipIf(!hasModule("torchvision"))("has torchvision's features, with weights from a file", slow, async () => {
  seed(2);
  const whole = resnet50();
  scope(() => void training(true, () => whole(x))); // running moments that are not 0 and 1
  const file = join(temporaryFolder(), "resnet50.safetensors");
  await save(file, whole);
  const features = await featuresOf(await extractor(file));
  const program = `
import torchvision
net = torchvision.models.resnet50().eval()
net.load_state_dict(weights)
net.fc = nn.Identity()
with torch.no_grad(): say(net(given["x"]))
`;
  const wanted = await pytorch(program, whole, { x: await x.array() });
  expect(features).toHaveLength(wanted.length);
  expect(difference(features, wanted)).toBeLessThan(1e-5);
});

test("weft train resnet50 --pictures shows which are alike", slow, async () => {
  const folder = join(temporaryFolder(), "pictures");
  mkdirSync(folder);
  const picture = (color: number, width: number) =>
    encodePng({ data: new Uint8Array(3 * width * 30).fill(color), shape: [3, 30, width], dtype: "u8" });
  writeFileSync(join(folder, "dark.png"), await picture(10, 40));
  writeFileSync(join(folder, "bright.PNG"), await picture(240, 30));
  writeFileSync(join(folder, "notes.txt"), "no picture");
  const to = temporaryFolder();
  const { code, out, err } = await weft("train", "resnet50", "--pictures", folder, "--out", to);
  expect({ code, err }).toEqual({ code: 0, err: "" });
  expect(readFileSync(join(to, "report.html"), "utf8")).not.toContain("<dt>speed</dt>"); // its result is one
  expect(out).toContain(`File    ${join(to, "features.safetensors")}`);
  const { tensors, metadata } = readSafetensors(readFileSync(join(to, "features.safetensors")));
  expect(tensors.get("features")).toMatchObject({ dtype: "F32", shape: [2, 2048] });
  expect(metadata).toMatchObject({ names: '["bright.PNG","dark.png"]' });
  expect(out).toMatch(/Pictures per second: [\d.]+ after 1 step,/);
});

test("missing files and folders without pictures are errors", async () => {
  const folder = temporaryFolder();
  const refused = async (...more: string[]) => (await weft("train", "resnet50", ...more, "--out", folder)).err;
  expect(await refused("--pictures", folder)).toBe(
    `weft: ${folder} has no pictures: no files that end in .jpg, .jpeg, .png.`,
  );
  expect(await refused("--pictures", join(folder, "none"))).toMatch(/^weft: ENOENT/);
  expect(await refused("--weights", join(folder, "none.pth"))).toMatch(
    /^weft: load: .*none\.pth cannot be read: ENOENT/,
  );
});
