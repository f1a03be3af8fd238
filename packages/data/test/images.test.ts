// Pictures from files: what each kind of PNG and JPEG gives, and what is refused.
import jpegJs from "jpeg-js";
import { describe, expect, test } from "vitest";
import { ArgumentError, ShapeError } from "@weft/tensor";
import { DataError, encodePng, image, stackImages, minibatch, type HostArray } from "@weft/data";
import { jpeg } from "./jpeg-file.ts";
import { chunk, joined, png, type PngParts } from "./png-file.ts";

const read = async (parts: PngParts) => {
  const { shape, data } = await image(png(parts));
  return [shape, ...data];
};

describe("PNG", () => {
  test.each<[string, PngParts, readonly (number | number[])[]]>([
    [
      "gray",
      {
        width: 2,
        height: 2,
        color: 0,
        lines: [
          [1, 2],
          [3, 4],
        ],
      },
      [[1, 2, 2], 1, 2, 3, 4],
    ],
    ["colors", { width: 2, height: 1, color: 2, lines: [[1, 2, 3, 4, 5, 6]] }, [[3, 1, 2], 1, 4, 2, 5, 3, 6]],
    ["gray and alpha", { width: 2, height: 1, color: 4, lines: [[1, 2, 3, 4]] }, [[2, 1, 2], 1, 3, 2, 4]],
    ["colors and alpha", { width: 1, height: 1, color: 6, lines: [[1, 2, 3, 4]] }, [[4, 1, 1], 1, 2, 3, 4]],
    [
      "16 bits, rounded",
      { width: 4, height: 1, depth: 16, color: 0, lines: [[0, 127, 0, 129, 0x80, 0, 0xff, 0xff]] },
      [[1, 1, 4], 0, 1, 128, 255],
    ],
    [
      "1 bit",
      { width: 9, height: 1, depth: 1, color: 0, lines: [[0b10100001, 0x80]] },
      [[1, 1, 9], 255, 0, 255, 0, 0, 0, 0, 255, 255],
    ],
    ["2 bits", { width: 3, height: 1, depth: 2, color: 0, lines: [[0b00011011]] }, [[1, 1, 3], 0, 85, 170]],
    [
      "4 bits",
      {
        width: 3,
        height: 2,
        depth: 4,
        color: 0,
        lines: [
          [0x1f, 0x20],
          [0x30, 0x40],
        ],
      },
      [[1, 2, 3], 17, 255, 34, 51, 0, 68],
    ],
    [
      "a palette",
      { width: 3, height: 1, depth: 2, color: 3, palette: [9, 8, 7, 1, 2, 3], lines: [[0b01000100]] },
      [[3, 1, 3], 1, 9, 1, 2, 8, 2, 3, 7, 3],
    ],
    [
      "a palette with clear colors",
      { width: 2, height: 1, color: 3, palette: [9, 8, 7, 1, 2, 3], clear: [5], lines: [[0, 1]] },
      [[4, 1, 2], 9, 1, 8, 2, 7, 3, 5, 255],
    ],
    ["a clear gray", { width: 2, height: 1, color: 0, clear: [0, 7], lines: [[7, 8]] }, [[2, 1, 2], 7, 8, 0, 255]],
    [
      "a clear color",
      { width: 3, height: 1, color: 2, clear: [0, 1, 0, 2, 0, 3], lines: [[1, 2, 3, 1, 2, 4, 1, 2, 3]] },
      [[4, 1, 3], 1, 1, 1, 2, 2, 2, 3, 4, 3, 0, 255, 0],
    ],
    ...[1, 2].flatMap((width): [string, PngParts, readonly (number | number[])[]][] => [
      [
        `a clear color, and ${width} pixels`,
        { width, height: 1, color: 2, clear: [0, 1, 0, 2, 0, 3], lines: [[1, 2, 3, 1, 2, 4].slice(0, 3 * width)] },
        width === 1 ? [[4, 1, 1], 1, 2, 3, 0] : [[4, 1, 2], 1, 1, 2, 2, 3, 4, 0, 255],
      ],
    ]),
    ["a clear gray pixel", { width: 1, height: 1, color: 0, clear: [0, 7], lines: [[7]] }, [[2, 1, 1], 7, 0]],
    [
      "a clear color of 16 bits",
      { width: 1, height: 1, depth: 16, color: 2, clear: [0, 1, 0, 2, 0, 3], lines: [[0, 1, 0, 2, 0, 3]] },
      [[4, 1, 1], 0, 0, 0, 0],
    ],
    [
      "interlaced",
      { width: 3, height: 2, color: 0, interlace: 1, lines: [[1], [3], [2], [4, 5, 6]] },
      [[1, 2, 3], 1, 2, 3, 4, 5, 6],
    ],
    [
      "chunks that need not be understood, damaged or not",
      {
        width: 1,
        height: 1,
        color: 0,
        lines: [[5]],
        extra: [chunk("tEXt", [1, 2]), chunk("iCCP", [65, 0, 0, 9, 9]), chunk("gAMA", [])],
      },
      [[1, 1, 1], 5],
    ],
  ])("%s", async (_, parts, wanted) => expect(await read(parts)).toEqual(wanted));

  test("channels that are wanted", async () => {
    const colors = png({ width: 2, height: 1, color: 6, lines: [[255, 0, 0, 9, 10, 20, 30, 40]] });
    const gray = png({ width: 1, height: 1, color: 4, lines: [[7, 8]] });
    const get = async (bytes: Uint8Array, channels: 1 | 3 | 4) => [...(await image(bytes, { channels })).data];
    expect([
      await get(colors, 1),
      await get(colors, 3),
      await get(gray, 1),
      await get(gray, 3),
      await get(gray, 4),
    ]).toEqual([[76, 18], [255, 10, 0, 20, 0, 30], [7], [7, 7, 7], [7, 7, 7, 8]]);
  });

  test("what is written is read back", async () => {
    for (const channels of [1, 2, 3, 4]) {
      const data = Uint8Array.from({ length: channels * 35 }, (_, i) => (i * 37) % 256);
      const picture = { data, shape: [channels, 5, 7], dtype: "u8" as const, scale: 1 / 255 };
      expect(await image(await encodePng(picture))).toEqual(picture);
    }
    const floats: HostArray = { data: Float32Array.of(-1, 0.5, 2, NaN), shape: [2, 2], dtype: "f32" };
    expect([...(await image(await encodePng(floats))).data]).toEqual([0, 128, 255, 0]);
    await expect(encodePng({ ...floats, shape: [4] })).rejects.toThrow(
      new ShapeError("encodePng: the picture is f32[4], wanted [C, H, W] with 1 to 4 channels, or [H, W]."),
    );
  });

  const small: PngParts = {
    width: 3,
    height: 2,
    color: 2,
    lines: [
      [1, 2, 3, 4, 5, 6, 7, 8, 9],
      [9, 8, 7, 6, 5, 4, 3, 2, 1],
    ],
  };

  test("truncated anywhere it is refused", async () => {
    const whole = png(small);
    for (let n = 0; n < whole.length; n++) await expect(image(whole.subarray(0, n))).rejects.toThrow(DataError);
  });

  test("any flipped bit is noticed", async () => {
    const whole = png(small);
    const clear = png({ ...small, clear: [0, 1, 0, 2, 0, 3] });
    const places = [
      ...Array.from(whole, (_, at) => [whole, at] as const),
      // The body and the checksum of its transparent color.
      ...Array.from({ length: 10 }, (_, k) => [clear, 41 + k] as const),
    ];
    for (const [file, at] of places)
      for (const bit of [1, 16, 128]) {
        const flipped = file.slice();
        flipped[at]! ^= bit;
        await expect(image(flipped), `bit ${bit} of byte ${at}`).rejects.toThrow(DataError);
      }
  });

  test.each<[string, Uint8Array, string]>([
    [
      "a size that no memory holds",
      png({ ...small, width: 100_000, height: 100_000 }),
      "image: the PNG says that it has 100000 x 100000 pixels, more than 33554432. If it is right, pass { maxPixels }.",
    ],
    [
      "a clear color that is none",
      png({ ...small, clear: [0, 1] }),
      "image: the PNG has 2 bytes for its transparent color, wanted 6.",
    ],
    ["no pixels", png({ ...small, width: 0 }), "image: the PNG says that it has 0 x 2 pixels."],
    [
      "pixels that unpack to more",
      png({ ...small, lines: Array.from({ length: 100_000 }, () => new Array<number>(9).fill(0)) }),
      "image: the pixels of the PNG unpack to more than 20 bytes, wanted 20.",
    ],
    [
      "pixels that unpack to less",
      png({ ...small, lines: [[1]] }),
      "image: the pixels of the PNG unpack to 2 bytes, wanted 20.",
    ],
    [
      "a color that is not in the palette",
      png({ width: 1, height: 1, color: 3, palette: [1, 2, 3], lines: [[1]] }),
      "image: the PNG has no color 1 in its palette.",
    ],
    [
      "no palette",
      png({ width: 1, height: 1, color: 3, lines: [[0]] }),
      "image: the PNG has no color 0 in its palette.",
    ],
    [
      "depths that there are not",
      png({ ...small, depth: 4 }),
      "image: the PNG has color type 2 with 4 bits, which there is not.",
    ],
    [
      "colors that there are not",
      png({ ...small, color: 5 }),
      "image: the PNG has color type 5 with 8 bits, which there is not.",
    ],
    [
      "filters that there are not",
      png({ width: 1, height: 2, color: 0, lines: [[1, 9, 1]] }),
      "image: the PNG is damaged: Unsupported filter: 9.",
    ],
    ["an unknown chunk", png({ ...small, extra: [chunk("ABCD", [])] }), 'image: the PNG has an unknown chunk, "ABCD".'],
    [
      "interlacing of few bits",
      png({ ...small, color: 0, depth: 1, interlace: 1 }),
      "image: interlaced PNGs of 1 bits are not supported. Save it without interlacing.",
    ],
    [
      "another file",
      new TextEncoder().encode("GIF89a"),
      "image: wanted a PNG or JPEG file, found 6 bytes that begin with 47 49 46 38.",
    ],
    ["nothing", new Uint8Array(0), "image: wanted a PNG or JPEG file, found 0 bytes that begin with nothing."],
  ])("refuses %s", async (_, bytes, message) => {
    await expect(image(bytes)).rejects.toThrow(new DataError(message));
  });

  test("a larger picture is read where it is allowed, and a smaller limit holds", async () => {
    await expect(image(png(small), { maxPixels: 5 })).rejects.toThrow(DataError);
    expect((await image(png(small), { maxPixels: 6 })).shape).toEqual([3, 2, 3]);
    await expect(image(png(small).buffer as never)).rejects.toThrow(ArgumentError);
  });
});

describe("JPEG", () => {
  const width = 20;
  const height = 12;
  const smooth = (x: number, y: number, c: number) => 40 + 8 * x + 2 * y * c;
  const pixels = Uint8Array.from({ length: width * height * 4 }, (_, i) => {
    const [c, x, y] = [i % 4, (i >> 2) % width, Math.floor(i / 4 / width)];
    return c === 3 ? 255 : smooth(x, y, c);
  });
  const whole = new Uint8Array(jpegJs.encode({ width, height, data: pixels }, 95).data);

  test("gives nearly the colors that were written", async () => {
    const { data, shape, dtype, scale } = await image(whole);
    expect([shape, dtype, scale]).toEqual([[3, height, width], "u8", 1 / 255]);
    let worst = 0;
    for (let c = 0; c < 3; c++)
      for (let y = 0; y < height; y++)
        for (let x = 0; x < width; x++)
          worst = Math.max(worst, Math.abs(data[(c * height + y) * width + x]! - smooth(x, y, c)));
    expect(worst).toBeLessThan(12);
  });

  test("gray, CMYK and progressive ones", async () => {
    const first = async (bytes: Uint8Array) => {
      const { shape, data } = await image(bytes);
      return [shape, ...Array.from({ length: shape[0]! }, (_, c) => data[c * 64])];
    };
    expect(await first(jpeg([200]))).toEqual([[1, 8, 8], 200]);
    expect(await first(jpeg([200], { progressive: true }))).toEqual([[1, 8, 8], 200]);
    expect(await first(jpeg([200, 128, 128]))).toEqual([[3, 8, 8], 200, 200, 200]);
    // Ink is what is missing to 255, and black darkens all.
    expect(await first(jpeg([254, 200, 254, 254], { adobe: true }))).toEqual([[3, 8, 8], 253, 199, 253]);
    await expect(image(jpeg([200, 200, 200, 200]))).rejects.toThrow(DataError);
  });

  test("truncated anywhere it is refused", async () => {
    for (let n = 0; n < whole.length; n += n < 40 || n > whole.length - 40 ? 1 : 17)
      await expect(image(whole.subarray(0, n)), `${n} bytes`).rejects.toThrow(DataError);
  });

  test("any flipped bit gives a picture or a DataError", async () => {
    for (let at = 0; at < whole.length; at += 3) {
      const flipped = whole.slice();
      flipped[at]! ^= 1 << (at % 8);
      const result = await image(flipped, { maxPixels: 1e6 }).catch((error: unknown) => error);
      if (result instanceof Error) expect(result, `byte ${at}`).toBeInstanceOf(DataError);
    }
  });

  test.each<[string, Uint8Array, string]>([
    [
      "a size that no memory holds",
      jpeg([200]).map((b, i, all) => ([4, 6].some((n) => all[i - n] === 0xc0 && all[i - n - 1] === 0xff) ? 255 : b)),
      "image: the JPEG says that it has 65288 x 65288 pixels, more than 33554432. If it is right, pass { maxPixels }.",
    ],
    [
      "a lossless one",
      jpeg([200]).map((b, i, all) => (b === 0xc0 && all[i - 1] === 0xff ? 0xc3 : b)),
      "image: wanted a JPEG of 8 bits, baseline or progressive, found another kind.",
    ],
    [
      "hundreds of scans",
      joined(
        jpeg([200], { progressive: true }).slice(0, -2),
        ...Array.from({ length: 600 }, () => [0xff, 0xda, 0, 8, 1, 1, 0, 0, 0, 0]),
        [0xff, 0xd9],
      ),
      "image: the JPEG has more than 500 scans. It was made to take long.",
    ],
  ])("refuses %s", async (_, bytes, message) => {
    await expect(image(bytes)).rejects.toThrow(DataError);
    await expect(image(bytes)).rejects.toThrow(message);
  });
});

test("stackImages puts pictures of one size into one array", async () => {
  const picture = await image(png({ width: 2, height: 1, color: 0, lines: [[1, 2]] }));
  const all = stackImages([picture, picture]);
  expect(all).toEqual({ data: Uint8Array.of(1, 2, 1, 2), shape: [2, 1, 1, 2], dtype: "u8", scale: 1 / 255 });
  expect([...minibatch(all, 1)].length).toBe(2);
  expect(() => stackImages([picture, { ...picture, shape: [1, 2, 1] }])).toThrow(
    new ShapeError("stackImages: picture 1 is u8[1,2,1], picture 0 u8[1,1,2]. All need one size."),
  );
  expect(() => stackImages([])).toThrow(new ArgumentError("stackImages: wanted at least one picture, got none."));
});
